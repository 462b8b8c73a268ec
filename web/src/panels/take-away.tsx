import { signal } from "@preact/signals";
import { formatPercent } from "../../../src/report/format.ts";
import { CopyText } from "../components/copy-text.tsx";
import { FailureOf } from "../components/failure.tsx";
import { Panel } from "../components/panel.tsx";
import type { FileFormat, ReadBack } from "../engine.ts";
import { linkOf } from "../state/address.ts";
import { attackCommand } from "../state/commands.ts";
import { download } from "../state/download.ts";
import { isInLink } from "../state/link.ts";
import { filling, known, loadingSignal } from "../state/loading.ts";
import { type Attacked, attackInfo, classNames, data, engine, model, outcome } from "../state/session.ts";
import { setting } from "../state/setting.ts";
import "./take-away.css";

const FORMATS: Readonly<Record<FileFormat, { readonly what: string; readonly type: string }>> = {
  png: { what: "the adversarial picture, 8 bits", type: "image/png" },
  npz: { what: "arrays for numpy, exact", type: "application/zip" },
  json: { what: "the numbers", type: "application/json" },
  svg: { what: "the three pictures", type: "image/svg+xml" },
};

/** The file that was made last, and of which attack. */
const made = loadingSignal<{ format: FileFormat; readBack: ReadBack | null; of: Attacked }>();
const make = filling(made, async ({ format, of }: { format: FileFormat; of: Attacked }) => {
  const { request, ...rest } = of;
  // The points that it queried stay here: no file holds them.
  const { bytes, readBack } = await engine.attackFile(format, request, { ...rest, frames: [] }, [...classNames.peek()]);
  download(
    `adversarial-${request.index}-${request.label}-${of.after.prediction}.${format}`,
    bytes,
    FORMATS[format].type,
  );
  return { format, readBack, of };
});

/** The page's address, once somebody wants it. */
const link = signal<string | null>(null);

/** Files, a link, a command line. */
export function TakeAwayPanel() {
  const [open, samples, found] = [known(model.value), known(data.value), known(outcome.value)];
  const ready = found && outcome.value.kind === "ready";
  const command = open && samples ? attackCommand(setting.value, attackInfo.value, open, samples) : null;
  return (
    <Panel title="Save and share" class="take-away">
      <div class="row">
        {(Object.keys(FORMATS) as FileFormat[]).map((format) => (
          <button
            key={format}
            type="button"
            disabled={!ready}
            title={FORMATS[format].what}
            onClick={() => ready && make({ format, of: found })}
          >
            {format.toUpperCase()}
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
        <p class="small">To see the command line, choose a test image as input.</p>
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
      <CopyText label="Link to this page with its settings" text={text} />
      {isInLink(input) ? null : (
        <p class="small">The picture is too large for a link. Whoever opens the link gives the picture again.</p>
      )}
      {sha256 === null ? null : (
        <p class="small">The link names the model file. Whoever opens the link drops that file again.</p>
      )}
    </>
  );
}

/** The prediction for the file that was saved last. */
function Verdict({ of }: { readonly of: Attacked | undefined }) {
  const file = known(made.value);
  const readBack = file && file.of === of ? file.readBack : null;
  const { answer, holds } = readBack ?? {};
  const name = answer && (classNames.value[answer.prediction] ?? answer.prediction);
  const taken = answer && `${name}, ${formatPercent(answer.probabilities[answer.prediction] ?? 0)}`;
  const verdict = holds
    ? "The model is still fooled."
    : of?.success
      ? "Rounded to 8 bits, it no longer fools the model. Choose “256 levels” under Attack."
      : "The attack did not fool the model.";
  return (
    <p class="small" role="status">
      {file && taken ? `Saved as ${file.format.toUpperCase()} and read back. Prediction: ${taken}. ${verdict}` : null}
    </p>
  );
}
