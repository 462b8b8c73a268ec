import { Field } from "./field.tsx";

/** What each class is called, in the order of the classes. */
export function ClassNames({ names, classes, onNames }: ClassNamesProps) {
  const given = names.filter((name) => name !== "").length;
  return (
    <details>
      <summary>Class names{given > 0 ? `, ${given} of ${classes}` : ""}</summary>
      <Field
        label="Class names, one a line"
        hint="The first line is class 0. Classes without a name keep their number."
      >
        {(attributes) => (
          <textarea
            {...attributes}
            rows={Math.min(10, Math.max(3, classes))}
            value={names.join("\n")}
            spellcheck={false}
            onInput={({ currentTarget }) => onNames(lines(currentTarget.value).slice(0, classes))}
          />
        )}
      </Field>
    </details>
  );
}

interface ClassNamesProps {
  readonly names: readonly string[];
  readonly classes: number;
  readonly onNames: (names: readonly string[]) => void;
}

const lines = (text: string): string[] => (text.trim() === "" ? [] : text.split(/\r?\n/));
