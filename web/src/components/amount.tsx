import { numberIn } from "../../../src/epsilons.ts";
import { PerturbError } from "../../../src/errors.ts";
import { DraftField } from "./draft-field.tsx";

/** A number of at least 0 as text, fractions too. */
export const Amount = ({ label, value, whole = false, digits = 6, onValue }: AmountProps) => (
  <DraftField
    label={label}
    text={String(Number(value.toPrecision(digits)))}
    read={(text) => amountIn(text, whole)}
    onValue={onValue}
  />
);

interface AmountProps {
  readonly label: string;
  readonly value: number;
  readonly whole?: boolean;
  /** Significant digits shown. */
  readonly digits?: number;
  readonly onValue: (value: number) => void;
}

/** @throws usage */
function amountIn(text: string, whole: boolean): number {
  try {
    const amount = numberIn(text.replace(",", "."));
    if (amount >= 0 && (!whole || Number.isInteger(amount))) return amount;
  } catch {
    // Said below, in words that fit beside a slider.
  }
  throw new PerturbError("usage", whole ? "A whole number is needed." : "A number is needed, such as 0.1 or 8/255.");
}
