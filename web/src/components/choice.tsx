import { useId } from "preact/hooks";
import "./choice.css";

/** One of a few, as radio buttons in a row. */
export function Choice<T extends string>({ legend, options, value, hint, onValue }: ChoiceProps<T>) {
  const name = useId();
  return (
    <fieldset class="choice">
      <legend>{legend}</legend>
      <div>
        {options.map(({ value: option, label }) => (
          <label key={option}>
            <input
              type="radio"
              name={name}
              checked={option === value}
              aria-describedby={hint === undefined ? undefined : `${name}-hint`}
              onChange={() => onValue(option)}
            />
            {label}
          </label>
        ))}
      </div>
      {hint === undefined ? null : (
        <p id={`${name}-hint`} class="small">
          {hint}
        </p>
      )}
    </fieldset>
  );
}

interface ChoiceProps<T> {
  readonly legend: string;
  readonly options: readonly { readonly value: T; readonly label: string }[];
  readonly value: T;
  readonly hint?: string;
  readonly onValue: (value: T) => void;
}
