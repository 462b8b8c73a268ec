import { useEffect, useState } from "preact/hooks";
import type { AttackOption, OptionValues } from "../engine.ts";
import { Field } from "./field.tsx";
import "./option-controls.css";

/** The options of an attack. Only what differs from its default is handed on; open where something does. */
export function OptionControls({ options, values, note, onValues }: OptionControlsProps) {
  const changed = Object.keys(values).length > 0;
  const [open, setOpen] = useState(changed);
  useEffect(() => {
    if (changed) setOpen(true);
  }, [changed]);
  // A link may name some that the attack does not have.
  if (options.length === 0 && !changed) return null;
  const set = ({ name, value: initial }: AttackOption, value: number | boolean | string): void => {
    const { [name]: _, ...others } = values;
    onValues(value === initial ? others : { ...others, [name]: value });
  };
  return (
    <details class="option-controls" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Options{changed ? ", changed" : ""}</summary>
      <div>
        {options.map((option) => (
          <OptionControl
            key={option.name}
            option={option}
            value={chosenValue(option, values)}
            onValue={(value) => set(option, value)}
          />
        ))}
        {note === null ? null : <p class="small">{note}</p>}
        <button type="button" disabled={!changed} onClick={() => onValues({})}>
          Defaults
        </button>
      </div>
    </details>
  );
}

interface OptionControlsProps {
  readonly options: readonly AttackOption[];
  /** Those that differ from the defaults. */
  readonly values: OptionValues;
  /** What is to be said of them. */
  readonly note: string | null;
  readonly onValues: (values: OptionValues) => void;
}

/** A link may give a value of another type: its control would not take the right one. */
const chosenValue = ({ name, value: initial }: AttackOption, values: OptionValues): OptionValues[string] => {
  const value = values[name];
  return typeof value === typeof initial ? value! : initial;
};

function OptionControl({ option, value, onValue }: OptionControlProps) {
  const label = <span title={option.name}>{inWords(option.name)}</span>;
  if (typeof value === "boolean")
    return (
      <label class="option-check">
        <input type="checkbox" checked={value} onChange={(event) => onValue(event.currentTarget.checked)} />
        {label}
      </label>
    );
  return (
    <Field label={label}>
      {(attributes) =>
        option.choices ? (
          <select {...attributes} value={String(value)} onChange={(event) => onValue(event.currentTarget.value)}>
            {option.choices.map((choice) => (
              <option key={choice}>{choice}</option>
            ))}
          </select>
        ) : typeof value === "number" ? (
          <input
            {...attributes}
            type="number"
            step={Number.isInteger(option.value) ? 1 : "any"}
            value={value}
            onChange={({ currentTarget }) => {
              if (Number.isFinite(currentTarget.valueAsNumber)) onValue(currentTarget.valueAsNumber);
              else currentTarget.value = String(value);
            }}
          />
        ) : (
          <input {...attributes} type="text" value={value} onChange={(event) => onValue(event.currentTarget.value)} />
        )
      }
    </Field>
  );
}

interface OptionControlProps {
  readonly option: AttackOption;
  readonly value: number | boolean | string;
  readonly onValue: (value: number | boolean | string) => void;
}

/** "stepSize" as "step size", "betaL2" as "beta L2". */
const inWords = (name: string): string =>
  name.replace(/[A-Z]\d?/g, (letter) => ` ${letter.length > 1 ? letter : letter.toLowerCase()}`);
