import { Choice } from "../components/choice.tsx";
import { FailureNote, FailureOf } from "../components/failure.tsx";
import { Panel } from "../components/panel.tsx";
import { dataFailure } from "../state/opening.ts";
import { type Source, source, turnTo } from "../state/own-input.ts";
import { subject } from "../state/session.ts";
import { Drawing, PictureFile } from "./own-picture.tsx";
import { TestImages } from "./test-images.tsx";

const SOURCES = [
  { value: "samples", label: "Test images" },
  { value: "drawing", label: "Draw" },
  { value: "picture", label: "Picture" },
] as const satisfies readonly { value: Source; label: string }[];

/** What is attacked. */
export function InputPanel() {
  const from = source.value;
  return (
    <Panel title="Input" class="input-panel">
      <Choice<Source> legend="Comes from" options={SOURCES} value={from} onValue={turnTo} />
      {from === "samples" ? <TestImages /> : from === "drawing" ? <Drawing /> : <PictureFile />}
      {dataFailure.value ? <FailureNote failure={dataFailure.value} /> : null}
      {from === "samples" ? null : <FailureOf loading={subject.value} />}
    </Panel>
  );
}
