import type { Model } from "../../model.ts";
import { type Note, option } from "../../option.ts";
import type { BatchPlan } from "../course/batch.ts";

/** From this share of the range on, an L∞ budget turns every sample into the same grey. */
const HALF = 0.5;

/** Budgets that were probably meant in other units: each with what was probably meant. */
export function budgetNotes(
  { norm, epsilons }: Pick<BatchPlan, "norm" | "epsilons">,
  { bounds }: Pick<Model, "bounds">,
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
  const [first, second] = epsilons;
  if (epsilons.length === 2 && first === 0 && Number.isInteger(second) && norm !== "l0" && norm !== "spatial")
    notes.push({
      code: "decimal-comma",
      message: `ε is measured at 0 and at ${second}: a comma separates values. If it was meant as a decimal comma, write a point (0.${second}, or 0.0${second}).`,
    });
  return notes;
}

const text = (value: number): string => String(Number(value.toPrecision(4)));
