import { Field } from "./field.tsx";

/** One class of a model, or none: `none` says what that means. */
export function ClassSelect({ label, none, names, value, onValue }: ClassSelectProps) {
  return (
    <Field label={label}>
      {(attributes) => (
        <select
          {...attributes}
          value={value ?? ""}
          onChange={({ currentTarget: { value: chosen } }) => onValue(chosen === "" ? null : Number(chosen))}
        >
          <option value="">{none}</option>
          {names.map((name, c) => (
            <option key={c} value={c}>
              {name}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

interface ClassSelectProps {
  readonly label: string;
  readonly none: string;
  readonly names: readonly string[];
  readonly value: number | null;
  readonly onValue: (value: number | null) => void;
}
