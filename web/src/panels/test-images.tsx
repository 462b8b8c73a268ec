import { signal, useSignalEffect } from "@preact/signals";
import { FailureOf } from "../components/failure.tsx";
import { Field } from "../components/field.tsx";
import { FileButton } from "../components/file-button.tsx";
import { SampleStrip } from "../components/sample-strip.tsx";
import type { DataInfo, ModelInfo, Sample } from "../engine.ts";
import { giveFiles } from "../state/files.ts";
import { filling, known, loadingSignal } from "../state/loading.ts";
import { openMnist } from "../state/opening.ts";
import { classNames, data, engine, model } from "../state/session.ts";
import { change, input } from "../state/setting.ts";
import "./test-images.css";

/** The data that come with the page. */
const MNIST = "mnist";

/** How many are shown at a time. */
const PAGE = 20;

/** The first one that is shown. */
const start = signal(0);
const shown = loadingSignal<{ readonly open: ModelInfo; readonly samples: readonly Sample[] }>();
const show = filling(shown, async ({ open, from }: { readonly open: ModelInfo; readonly from: number }) => ({
  open,
  samples: await engine.samples(open.id, from, PAGE),
}));

const choose = (index: number): void => change({ input: { kind: "sample", index } });

/** The samples of the data, to choose one from. */
export function TestImages() {
  useSignalEffect(() => {
    const chosen = input.value;
    const last = (known(data.value)?.size ?? Number.POSITIVE_INFINITY) - 1;
    if (chosen.kind === "sample") start.value = PAGE * Math.floor(Math.min(chosen.index, last) / PAGE);
  });
  useSignalEffect(() => {
    const open = model.value.kind === "ready" ? model.value.value : undefined;
    if (open && data.value.kind === "ready") show({ open, from: start.value });
  });
  const info = known(data.value);
  const index = input.value.kind === "sample" ? input.value.index : -1;
  return (
    <div class="test-images">
      {info && shown.value.kind !== "failed" ? <Strip info={info} index={index} /> : null}
      {shown.value.kind === "failed" ? (
        <>
          <FailureOf loading={shown.value} />
          <p>Drop a .npz file with x and y, or a picture.</p>
        </>
      ) : null}
      <div class="test-images-data">
        <FileButton accept=".npz" onFile={(file) => void giveFiles([file], "data")}>
          Open a .npz file
        </FileButton>
        {info && info.name !== MNIST ? (
          <button type="button" onClick={() => void openMnist()}>
            Back to MNIST
          </button>
        ) : null}
      </div>
    </div>
  );
}

function Strip({ info, index }: { readonly info: DataInfo; readonly index: number }) {
  const now = known(shown.value);
  const last = Math.max(0, info.size - 1);
  const end = Math.min(last, start.value + PAGE - 1);
  const turn = (by: 1 | -1): boolean => {
    const to = start.value + by * PAGE;
    if (to < 0 || to > last) return false;
    start.value = to;
    return true;
  };
  return (
    <>
      {now ? (
        <SampleStrip
          samples={now.samples}
          chosen={index}
          shape={now.open.inputShape}
          bounds={now.open.bounds}
          label={`Test images ${start.value} to ${end}`}
          nameOf={(i, label) => `Test image ${i}, ${labelWords(label)}`}
          onChoose={choose}
          onPage={turn}
        />
      ) : null}
      <div class="test-images-page">
        <button type="button" disabled={start.value === 0} onClick={() => turn(-1)}>
          Previous
        </button>
        <button type="button" disabled={end >= last} onClick={() => turn(1)}>
          Next
        </button>
        <Field label={`Index, 0 to ${last}`}>
          {(attributes) => (
            <input
              {...attributes}
              type="number"
              min={0}
              max={last}
              value={index < 0 ? "" : index}
              onChange={({ currentTarget }) => {
                const wanted = Math.round(currentTarget.valueAsNumber);
                if (wanted >= 0 && wanted <= last) choose(wanted);
                else currentTarget.value = index < 0 ? "" : String(index);
              }}
            />
          )}
        </Field>
      </div>
      {info.name === MNIST ? null : <p class="small">{`${info.name}, ${info.size} samples`}</p>}
    </>
  );
}

/** "a 7", "an 8", or the name of the class. */
function labelWords(label: number): string {
  const name = classNames.value[label] ?? String(label);
  if (!/^\d+$/.test(name)) return name;
  return `${/^(8|11$|18$)/.test(name) ? "an" : "a"} ${name}`;
}
