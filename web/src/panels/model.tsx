import { bundledModels } from "../../../src/models/bundled.ts";
import { FailureOf } from "../components/failure.tsx";
import { Field } from "../components/field.tsx";
import { Panel } from "../components/panel.tsx";
import { known } from "../state/loading.ts";
import { model } from "../state/session.ts";
import { change, setting } from "../state/setting.ts";

/** Which model is attacked, and what is known of it. */
export function ModelPanel() {
  const info = known(model.value);
  return (
    <Panel title="Model">
      <Field label="Network">
        {(attributes) => (
          <select
            {...attributes}
            value={setting.value.model}
            onChange={(event) => change({ model: event.currentTarget.value, sha256: null })}
          >
            {Object.keys(bundledModels).map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        )}
      </Field>
      <FailureOf loading={model.value} />
      {info ? (
        <p class="small">
          {info.classes} classes, {info.parameters.toLocaleString("en-US")} parameters
        </p>
      ) : null}
    </Panel>
  );
}
