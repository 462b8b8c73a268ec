import { FailureOf } from "../components/failure.tsx";
import { Field } from "../components/field.tsx";
import { Panel } from "../components/panel.tsx";
import { known } from "../state/loading.ts";
import { data, subject } from "../state/session.ts";
import { change, setting } from "../state/setting.ts";

/** What is attacked. */
export function InputPanel() {
  const { input } = setting.value;
  const size = known(data.value)?.size ?? 1;
  return (
    <Panel title="Input">
      <Field label="Test image">
        {(attributes) => (
          <input
            {...attributes}
            type="number"
            min={0}
            max={size - 1}
            value={input.kind === "sample" ? input.index : ""}
            onChange={(event) => change({ input: { kind: "sample", index: event.currentTarget.valueAsNumber } })}
          />
        )}
      </Field>
      <FailureOf loading={data.value} />
      <FailureOf loading={subject.value} />
    </Panel>
  );
}
