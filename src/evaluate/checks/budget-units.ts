import { epsilonText } from "../../epsilons.ts";
import type { ElementBounds, Model } from "../../model.ts";
import type { NormName } from "../../norm.ts";
import { type Note, option } from "../../option.ts";
import type { BatchPlan } from "../course/batch.ts";

/** From this share of the range on, an L∞ budget turns every sample into the same grey. */
const HALF = 0.5;

/** From this range on, an ε of pixels from 0 to 1 is far too small: see `TOO_SMALL`. */
const WIDE = 16;
/** Shares of a range that no budget stays below, but for one of other units: in L∞, half a step of 256. */
const TOO_SMALL: Readonly<Record<NormName, number>> = { linf: 1 / 510, l2: 1 / 50, l1: 1 / 10, l0: 0, spatial: 0 };

/** Budgets that were probably meant in other units: each with what was probably meant. */
export function budgetNotes(
  { norm, epsilons }: Pick<BatchPlan, "norm" | "epsilons">,
  { bounds, elements }: Pick<Model, "bounds" | "elements">,
): Note[] {
  const notes: Note[] = [];
  const range = bounds.upper - bounds.lower;
  const largest = epsilons.at(-1) ?? 0;
  const share = (epsilon: number) => epsilon / range;
  if (norm === "linf" && share(largest) >= HALF) {
    const meant = bounds.lower === 0 && bounds.upper === 1 && largest >= 1 ? ` Did you mean ${text(largest)}/255?` : "";
    notes.push({
      code: "epsilon-range",
      message: `ε = ${text(largest)} is ${share(largest) >= 1 ? "the whole range" : `${text(share(largest))} of the range`} of the input, ${text(bounds.lower)} to ${text(bounds.upper)}: ${share(largest) >= 1 ? "it allows every input" : "from half of it on, every sample can become the same grey"}, and no model can be robust there.${meant} Check the units of ${option("epsilons")}.`,
    });
  }
  const own = elements?.unit === "input" ? elements : undefined;
  const narrowest = own ? narrowestOf(own) : range;
  if (largest > 0 && narrowest >= WIDE && largest / narrowest < TOO_SMALL[norm])
    notes.push({
      code: "epsilon-range",
      message: `ε = ${epsilonText(largest)}${epsilons.length > 1 ? ", the largest," : ""} is ${(100 * (largest / narrowest)).toPrecision(2)} % of the range of ${own ? "the narrowest element" : "the input"}, ${text(narrowest)}, so next to nothing may change, and robust accuracy says little. Did you mean ${text(largest * narrowest)}, or ε as a share of the range (${option("epsilonUnit", "range")})? ε is in the units of ${option("bounds")}.`,
    });
  const [first, second] = epsilons;
  if (epsilons.length === 2 && first === 0 && Number.isInteger(second) && norm !== "l0" && norm !== "spatial")
    notes.push({
      code: "decimal-comma",
      message: `ε is measured at 0 and at ${second}: a comma separates values. If it was meant as a decimal comma, write a point (0.${second}, or 0.0${second}).`,
    });
  return notes;
}

/** Of the elements that have room. */
const narrowestOf = ({ lower, upper }: ElementBounds): number =>
  upper.reduce((least, high, i) => (high > lower[i]! ? Math.min(least, high - lower[i]!) : least), Number.MAX_VALUE);

const text = (value: number): string => String(Number(value.toPrecision(4)));
