import { epsilonsIn, epsilonText } from "../../../src/epsilons.ts";
import { bundledModels } from "../../../src/models/bundled.ts";
import { formatCount, NORM_SYMBOL } from "../../../src/report/format.ts";
import { DraftField } from "../components/draft-field.tsx";
import { FailureOf } from "../components/failure.tsx";
import { Field } from "../components/field.tsx";
import { needsSurrogate } from "../state/experiment.ts";
import { known } from "../state/loading.ts";
import { classNames, data, second } from "../state/session.ts";
import { change, type Setting, setting } from "../state/setting.ts";

const LIMITS = [100, 500, 1000, 5000, 10_000];

/** The choices of the experiment, beside the attack. */
export function ExperimentForm() {
  return (
    <>
      <div class="experiment-form">
        <DraftField
          label="ε"
          hint="A list such as 0.05, 0.1, 8/255, or FROM:TO:STEP such as 0:0.3:0.05."
          text={setting.value.epsilons.map(epsilonText).join(", ")}
          read={epsilonsIn}
          onValue={(epsilons) => change({ epsilons })}
        />
        <Limit />
        <Second />
      </div>
      <FailureOf loading={second.value} />
      <p class="small">Attack: {attackInWords(setting.value, classNames.value)}.</p>
    </>
  );
}

function Limit() {
  const size = known(data.value)?.size ?? LIMITS.at(-1)!;
  return (
    <Field label="Test images" hint={`From 1 to ${formatCount(size)}. With more images the interval is narrower.`}>
      {(attributes) => (
        <>
          <input
            {...attributes}
            type="number"
            min={1}
            max={size}
            step={1}
            list={`${attributes.id}-choices`}
            value={Math.min(setting.value.limit, size)}
            onChange={({ currentTarget }) => {
              const { valueAsNumber } = currentTarget;
              if (Number.isSafeInteger(valueAsNumber) && valueAsNumber >= 1)
                change({ limit: Math.min(valueAsNumber, size) });
              else currentTarget.value = String(setting.value.limit);
            }}
          />
          <datalist id={`${attributes.id}-choices`}>
            {LIMITS.filter((count) => count <= size).map((count) => (
              <option key={count} value={count} />
            ))}
          </datalist>
        </>
      )}
    </Field>
  );
}

function Second() {
  const { second: chosen, model } = setting.value;
  const others = Object.keys(bundledModels).filter((name) => name !== model || name === chosen);
  const hint = needsSurrogate.value
    ? "The attack makes its adversarial examples on the second model, and tests them on the first."
    : "Evaluated too, and drawn in the same plot.";
  return (
    <Field label="Second model" hint={hint}>
      {(attributes) => (
        <select
          {...attributes}
          value={chosen ?? ""}
          onChange={({ currentTarget }) => change({ second: currentTarget.value === "" ? null : currentTarget.value })}
        >
          <option value="">none</option>
          {others.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** "pgd (steps 20), L∞, untargeted, seed 0" */
function attackInWords({ attack, options, norm, target, levels, seed }: Setting, names: readonly string[]): string {
  const chosen = Object.entries(options).map(([name, value]) => `${name} ${value}`);
  return [
    chosen.length === 0 ? attack : `${attack} (${chosen.join(", ")})`,
    NORM_SYMBOL[norm],
    target === null ? "untargeted" : `target ${names[target] ?? target}`,
    ...(levels === null ? [] : [`${levels} levels`]),
    `seed ${seed}`,
  ].join(", ");
}
