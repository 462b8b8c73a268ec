import { signal } from "@preact/signals";
import { CopyText } from "../components/copy-text.tsx";
import { FailureOf } from "../components/failure.tsx";
import { Panel } from "../components/panel.tsx";
import type { FileKind, ReadBack } from "../engine.ts";
import { linkOf } from "../state/address.ts";
import { attackCommand } from "../state/commands.ts";
import { download } from "../state/download.ts";
import { isInLink } from "../state/link.ts";
import { filling, known, loadingSignal } from "../state/loading.ts";
import { type Attacked, classNames, data, engine, model, outcome } from "../state/session.ts";
import { setting } from "../state/setting.ts";
import "./take-away.css";

const KINDS: Readonly<Record<FileKind, { readonly what: string; readonly type: string }>> = {
  png: { what: "the adversarial picture, 8 bits", type: "image/png" },
  npz: { what: "arrays for numpy, exact", type: "application/zip" },
  json: { what: "the numbers", type: "application/json" },
  svg: { what: "the three pictures", type: "image/svg+xml" },
};

/** The file that was made last, and of which attack. */
const made = loadingSignal<{ kind: FileKind; readBack: ReadBack | null; of: Attacked }>();
const make = filling(made, async ({ kind, of }: { kind: FileKind; of: Attacked }) => {
  const { request, ...rest } = of;
  // The points of its course stay here: no file holds them.
  const { bytes, readBack } = await engine.attackFile(kind, request, { ...rest, frames: [] }, [...classNames.peek()]);
  download(`adversarial-${request.index}-${request.label}-${of.after.prediction}.${kind}`, bytes, KINDS[kind].type);
  return { kind, readBack, of };
});

/** The page's address, once somebody asked for it. */
const link = signal<string | null>(null);

/** What a person takes along: files, a link, a command line. */
export function TakeAwayPanel() {
  const [open, samples, found] = [known(model.value), known(data.value), known(outcome.value)];
  const ready = found && outcome.value.kind === "ready";
  const command = open && samples ? attackCommand(setting.value, open, samples) : null;
  return (
    <Panel title="Take it away" class="take-away">
      <div class="row">
        {Object.entries(KINDS).map(([kind, { what: meaning }]) => (
          <button
            key={kind}
            type="button"
            disabled={!ready}
            title={meaning}
            onClick={() => ready && make({ kind: kind as FileKind, of: found })}
          >
            {kind.toUpperCase()}
          </button>
        ))}
        <button
          type="button"
          onClick={() => {
            link.value = linkOf();
          }}
        >
          Link
        </button>
      </div>
      <FailureOf loading={made.value} />
      <Verdict of={found} />
      {link.value === null ? null : <LinkText text={linkOf()} />}
      {command === null ? (
        <p class="small">The command line works on samples of data: choose a test image to see it.</p>
      ) : (
        <>
          <p class="small">The same on the command line:</p>
          <CopyText label="Command line of this attack" text={command} code />
        </>
      )}
    </Panel>
  );
}

function LinkText({ text }: { readonly text: string }) {
  const { input, sha256 } = setting.value;
  return (
    <>
      <CopyText label="Link to this page as it stands" text={text} />
      {isInLink(input) ? null : <p class="small">The picture is too large for a link, and has to be given again.</p>}
      {sha256 === null ? null : <p class="small">The model is named in it, and has to be dropped again.</p>}
    </>
  );
}

/** What the model says of the file that was saved last. */
function Verdict({ of }: { readonly of: Attacked | undefined }) {
  const file = known(made.value);
  const readBack = file && file.of === of ? file.readBack : null;
  const { answer, holds } = readBack ?? {};
  const taken = answer && `${classNames.value[answer.prediction] ?? answer.prediction}, ${percent(answer)}`;
  const verdict = holds
    ? "It still fools the model."
    : of?.success
      ? "Rounding to 8 bits undid it: choose “256 levels” in the attack."
      : "The attack had not succeeded.";
  return (
    <p class="small" role="status">
      {file && taken
        ? `Saved as ${file.kind.toUpperCase()}, and read back: the model takes it for ${taken}. ${verdict}`
        : null}
    </p>
  );
}

const percent = ({ probabilities, prediction }: ReadBack["answer"]): string =>
  `${(100 * (probabilities[prediction] ?? 0)).toFixed(1)} %`;
