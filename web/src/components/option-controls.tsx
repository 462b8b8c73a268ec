import { useEffect, useState } from "preact/hooks";
import type { OptionValue } from "../../../src/attack-options.ts";
import { isLength, lengthIn } from "../../../src/length.ts";
import type { AttackOption, OptionValues } from "../engine.ts";
import { DraftField } from "./draft-field.tsx";
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
  const set = ({ name, value: initial }: AttackOption, value: OptionValue): void => {
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

/** A link may give a value of another kind: its control would not take the right one. */
const chosenValue = ({ name, value: initial, isLength: long }: AttackOption, values: OptionValues): OptionValue => {
  const value = values[name];
  return value !== undefined && (long ? isLength(value) : typeof value === typeof initial) ? value : initial;
};

function OptionControl({ option, value, onValue }: OptionControlProps) {
  const label = <span title={option.name}>{inWords(option.name)}</span>;
  if (typeof value === "boolean")
    return (
      <label class="option-check" title={option.about}>
        <input type="checkbox" checked={value} onChange={(event) => onValue(event.currentTarget.checked)} />
        {label}
      </label>
    );
  if (option.isLength)
    return (
      <DraftField
        label={label}
        hint={`${capital(option.about)}: absolute, such as 2/255, or relative to ε, such as 0.25eps.`}
        text={String(value)}
        read={lengthIn}
        onValue={onValue}
      />
    );
  return (
    <Field label={label} hint={`${capital(option.about)}.`}>
      {(attributes) =>
        option.choices ? (
          <select {...attributes} value={String(value)} onChange={(event) => onValue(event.currentTarget.value)}>
            {option.choices.map((choice) => (
              <option key={choice}>{choice}</option>
            ))}
          </select>
        ) : (
          <input
            {...attributes}
            type="number"
            step={Number.isInteger(option.value) ? 1 : "any"}
            value={Number(value)}
            onChange={({ currentTarget }) => {
              if (Number.isFinite(currentTarget.valueAsNumber)) onValue(currentTarget.valueAsNumber);
              else currentTarget.value = String(value);
            }}
          />
        )
      }
    </Field>
  );
}

interface OptionControlProps {
  readonly option: AttackOption;
  readonly value: OptionValue;
  readonly onValue: (value: OptionValue) => void;
}

/** "stepSize" as "step size", "betaL2" as "beta L2". */
const inWords = (name: string): string =>
  name.replace(/[A-Z]\d?/g, (letter) => ` ${letter.length > 1 ? letter : letter.toLowerCase()}`);

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
