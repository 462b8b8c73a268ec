import { type BundledModel, bundledModels, isBundled } from "../../../src/models/bundled.ts";
import { DropZone } from "../components/drop-zone.tsx";
import { FailureNote } from "../components/failure.tsx";
import { Field } from "../components/field.tsx";
import { FileButton } from "../components/file-button.tsx";
import { ModelFacts } from "../components/model-facts.tsx";
import { Panel } from "../components/panel.tsx";
import type { Failure, WebDevice } from "../engine.ts";
import { fileKind, giveFiles, refusal } from "../state/files.ts";
import { known } from "../state/loading.ts";
import { type FailedOpening, linkNote, missing, modelFailure, ownModel } from "../state/opening.ts";
import { environment, model } from "../state/session.ts";
import { change, setting } from "../state/setting.ts";
import { OwnClassNames, OwnModelReading } from "./own-model.tsx";
import "./model.css";

const BUNDLED: Readonly<Record<BundledModel, { readonly title: string; readonly about: string }>> = {
  "lenet-mnist": { title: "LeNet", about: "Trained on MNIST, without a defence." },
  "conv-mnist-robust": {
    title: "Adversarially trained",
    about: "Trained on MNIST with adversarial examples: L∞, ε = 0.3.",
  },
};

/** Takes dropped files, and shows the panel where something comes of the first. */
const drop = async (files: readonly File[]): Promise<void> => {
  const kind = files[0] && (await fileKind(files[0]));
  const panel = kind === "data" || kind === "picture" ? ".input-panel" : ".model-panel";
  document.querySelector(panel)?.scrollIntoView({ block: "nearest" });
  await giveFiles(files);
};

const dropped = (files: readonly File[]): void => void drop(files);

/** Which model is attacked, and what is known of it. */
export function ModelPanel() {
  const info = known(model.value);
  const opening = model.value.kind === "loading";
  const awaited = missing.value;
  const failed = modelFailure.value;
  return (
    <Panel title="Model" class="model-panel">
      <DropZone text="A model, a .npz of samples, or a picture" onFiles={dropped} />
      {awaited === null ? null : <p class="model-awaited">This link was made with {awaited}. Drop that file here.</p>}
      <Network />
      <FileButton accept=".onnx,.pth,.pt,.safetensors" onFile={(file) => void giveFiles([file], "model")}>
        Open a model file
      </FileButton>
      <p class="small">
        .onnx, .pth or .safetensors. You can also drop it anywhere on the page. It stays on this machine.
      </p>
      {refusal.value ? <FailureNote failure={refusal.value} /> : null}
      {failed ? <FailureNote failure={named(failed)} /> : null}
      <OwnModelReading />
      <p class="small model-status" role="status">
        {opening ? "Opening the model." : linkNote.value}
      </p>
      {info && awaited === null ? (
        <div class="model-known" aria-busy={opening}>
          <ModelFacts key={info.sha256} info={info} />
          <OwnClassNames />
        </div>
      ) : null}
      <Device />
    </Panel>
  );
}

/** The failure, with the name of its file. */
const named = ({ failure, own }: FailedOpening): Failure =>
  own === null || failure.message.includes(own.file.name)
    ? failure
    : { ...failure, message: `${own.file.name}: ${failure.message}` };

/** The networks that come with the page, and the file that was opened last. */
function Network() {
  const { model: name, sha256 } = setting.value;
  const own = ownModel.value;
  const about = sha256 === null && isBundled(name) ? BUNDLED[name].about : undefined;
  const choose = (value: string): void => {
    refusal.value = null;
    if (isBundled(value)) change({ model: value, sha256: null });
    else if (own) change({ model: own.file.name, sha256: own.sha256 });
  };
  return (
    <Field label="Network" hint={about}>
      {(attributes) => (
        <select
          {...attributes}
          value={sha256 === null ? name : sha256}
          onChange={({ currentTarget }) => choose(currentTarget.value)}
        >
          {(Object.keys(bundledModels) as BundledModel[]).map((bundled) => (
            <option key={bundled} value={bundled}>
              {`${BUNDLED[bundled].title} (${bundled})`}
            </option>
          ))}
          {own ? <option value={own.sha256}>{own.file.name}</option> : null}
          {sha256 !== null && sha256 !== own?.sha256 ? (
            <option value={sha256}>{`${name} (not open yet)`}</option>
          ) : null}
        </select>
      )}
    </Field>
  );
}

function Device() {
  const place = known(environment.value);
  const without = place?.webgpu === false;
  return (
    <Field
      label="Runs on"
      hint={without ? "WebGPU is not available: this browser gives the page no adapter." : undefined}
    >
      {(attributes) => (
        <select
          {...attributes}
          value={setting.value.device}
          onChange={({ currentTarget }) => change({ device: currentTarget.value as WebDevice })}
        >
          <option value="cpu">WebAssembly</option>
          <option value="webgpu" disabled={!place?.webgpu}>
            WebGPU
          </option>
        </select>
      )}
    </Field>
  );
}
