import type { NormName } from "../../../src/norm.ts";
import { AttackPicker } from "../components/attack-picker.tsx";
import { ClassSelect } from "../components/class-select.tsx";
import { FailureOf } from "../components/failure.tsx";
import { Field } from "../components/field.tsx";
import { NormControl } from "../components/norm-control.tsx";
import { OptionControls } from "../components/option-controls.tsx";
import { Panel } from "../components/panel.tsx";
import type { AttackInfo } from "../engine.ts";
import { mayStop } from "../state/course.ts";
import { known } from "../state/loading.ts";
import { attackInfo, attackInfos, classNames, model, second } from "../state/session.ts";
import { change, setting } from "../state/setting.ts";
import { budgetIn } from "./epsilon.tsx";
import "./attack.css";

/** How the input is attacked. */
export function AttackPanel() {
  const { attack, options, norm, target, seed, levels } = setting.value;
  const info = attackInfo.value;
  const reason = info ? obstacle(info) : null;
  return (
    <Panel title="Attack">
      <AttackPicker infos={known(attackInfos.value) ?? []} value={attack} obstacle={obstacle} onValue={choose} />
      <FailureOf loading={attackInfos.value} />
      {reason === null ? null : <p>{`${attack} ${reason}.`}</p>}
      <NormControl norms={info?.norms ?? [norm]} value={norm} onValue={(chosen) => change(inNorm(chosen))} />
      <ClassSelect
        label="Target"
        none="any other class (untargeted)"
        names={classNames.value}
        value={target}
        onValue={(chosen) => change({ target: chosen })}
      />
      {info ? (
        <OptionControls
          key={attack}
          options={info.options}
          values={options}
          note={
            mayStop(info)
              ? "“stop at success” is for the experiment. On a single input the attack always makes all of its steps."
              : null
          }
          onValues={(values) => change({ options: values })}
        />
      ) : null}
      <div class="attack-more">
        <Field label="Seed">
          {(attributes) => (
            <input
              {...attributes}
              type="number"
              min={0}
              step={1}
              value={seed}
              onChange={({ currentTarget }) => {
                const { valueAsNumber } = currentTarget;
                if (Number.isSafeInteger(valueAsNumber) && valueAsNumber >= 0) change({ seed: valueAsNumber });
                else currentTarget.value = String(seed);
              }}
            />
          )}
        </Field>
        <label class="attack-levels">
          <input
            type="checkbox"
            checked={levels === 256}
            onChange={(event) => change({ levels: event.currentTarget.checked ? 256 : null })}
          />
          Only 8-bit pixel values (256 levels)
        </label>
      </div>
    </Panel>
  );
}

/** ε of one norm means nothing in another. */
const inNorm = (norm: NormName) => ({ norm, epsilon: budgetIn(norm).initial });

/** Another attack, with its own defaults, in the norm that is chosen where it has it. */
const choose = ({ name, norms }: AttackInfo): void =>
  change({ attack: name, options: {}, ...(norms.includes(setting.value.norm) ? {} : inNorm(norms[0]!)) });

/** Why the attack cannot be used on the model that is open; null where it can. */
function obstacle({ needs, also }: AttackInfo): string | null {
  const open = known(model.value);
  if (needs === "gradient" && open && open.inspection.differentiable !== true)
    return "needs gradients, which this model does not have";
  if (also === "surrogate" && !known(second.value)) return "needs a second model: choose one under Experiment";
  return null;
}
