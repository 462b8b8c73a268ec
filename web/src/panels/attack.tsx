import { Field } from "../components/field.tsx";
import { Panel } from "../components/panel.tsx";
import { known } from "../state/loading.ts";
import { attackInfos } from "../state/session.ts";
import { change, setting } from "../state/setting.ts";

/** How the input is attacked. */
export function AttackPanel() {
  const { attack, epsilon } = setting.value;
  return (
    <Panel title="Attack">
      <Field label="Attack">
        {(attributes) => (
          <select
            {...attributes}
            value={attack}
            onChange={(event) => change({ attack: event.currentTarget.value, options: {} })}
          >
            {(known(attackInfos.value) ?? []).map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        )}
      </Field>
      <Field label={`ε = ${epsilon}`}>
        {(attributes) => (
          <input
            {...attributes}
            type="range"
            min={0}
            max={0.5}
            step={0.001}
            value={epsilon}
            onInput={(event) => change({ epsilon: event.currentTarget.valueAsNumber })}
          />
        )}
      </Field>
    </Panel>
  );
}
