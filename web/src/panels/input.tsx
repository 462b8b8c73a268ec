import { Choice } from "../components/choice.tsx";
import { FailureOf } from "../components/failure.tsx";
import { Panel } from "../components/panel.tsx";
import { type Source, source, turnTo } from "../state/own-input.ts";
import { data, subject } from "../state/session.ts";
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
      <FailureOf loading={data.value} />
      {from === "samples" ? null : <FailureOf loading={subject.value} />}
    </Panel>
  );
}
