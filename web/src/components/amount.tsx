import { useId, useState } from "preact/hooks";
import { numberIn } from "../../../src/epsilons.ts";

/** A number of at least 0 as text, fractions too. What cannot be read is said, and the last good value stays. */
export function Amount({ label, value, whole = false, digits = 6, onValue }: AmountProps) {
  const id = useId();
  const [draft, setDraft] = useState<string | null>(null);
  const invalid = draft !== null && read(draft, whole) === undefined;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="text"
        autocomplete="off"
        spellcheck={false}
        value={draft ?? String(Number(value.toPrecision(digits)))}
        aria-invalid={invalid}
        aria-describedby={invalid ? `${id}-error` : undefined}
        onInput={({ currentTarget }) => {
          setDraft(currentTarget.value);
          const amount = read(currentTarget.value, whole);
          if (amount !== undefined) onValue(amount);
        }}
        onBlur={() => setDraft(null)}
      />
      {invalid ? (
        <p id={`${id}-error`} class="amount-error" role="alert">
          {whole ? "A whole number is needed." : "A number is needed, such as 0.1 or 8/255."}
        </p>
      ) : null}
    </div>
  );
}

interface AmountProps {
  readonly label: string;
  readonly value: number;
  readonly whole?: boolean;
  /** Significant digits shown. */
  readonly digits?: number;
  readonly onValue: (value: number) => void;
}

function read(text: string, whole: boolean): number | undefined {
  try {
    const amount = numberIn(text.replace(",", "."));
    return amount < 0 || (whole && !Number.isInteger(amount)) ? undefined : amount;
  } catch {
    return undefined;
  }
}
