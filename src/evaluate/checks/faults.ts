import type { Model } from "../../model.ts";
import { type FloatTensor, sampleSize } from "../../tensor.ts";
import type { Subjects } from "../course/cascade.ts";
import type { Tally } from "../results/tally.ts";

/** A loss that rises by less over the whole range of an input is flat: LeNet's most confident digits rise by more. */
const TINY = 1e-9;

/** Samples whose gradient at x points nowhere, or next to nowhere. */
export function gradientFaults(
  { start, labels }: Subjects,
  { bounds: { lower, upper } }: Model,
): Pick<Tally, "deadGradients" | "nanGradients" | "tinyGradients"> {
  const faults = { deadGradients: 0, nanGradients: 0, tinyGradients: 0 };
  if (!start) return faults;
  const { data } = start.gradient;
  const size = sampleSize(start.gradient);
  for (let i = 0; i < labels.length; i++) {
    // A sum of float32 magnitudes does not overflow: it is finite where each of them is, and zero where all are.
    let [sum, most] = [0, 0];
    for (let j = i * size; j < (i + 1) * size; j++) {
      const magnitude = Math.abs(data[j]!);
      sum += magnitude;
      if (magnitude > most) most = magnitude;
    }
    if (!Number.isFinite(sum)) faults.nanGradients++;
    else if (sum === 0) faults.deadGradients++;
    else if (most * (upper - lower) < TINY) faults.tinyGradients++;
  }
  return faults;
}

/** How far a sum of probabilities may be off 1. */
const ROUNDING = 1e-3;
/** Logarithms of probabilities from here on down stand for 0. */
const LOG_ZERO = -80;

/** Samples whose scores look like probabilities that stand by themselves, or like labels. */
export function scoreFaults(
  logits: FloatTensor,
  { head }: Pick<Model, "head">,
): Pick<Tally, "unitScores" | "labelScores"> {
  const faults = { unitScores: 0, labelScores: 0 };
  if (head !== "logits" && head !== "hidden") return faults;
  const [n, classes] = logits.dims as [number, number];
  for (let i = 0; i < n; i++) {
    const row = logits.data.subarray(i * classes, (i + 1) * classes);
    const [one, zero] = head === "hidden" ? [0, LOG_ZERO] : [1, 0];
    const ones = row.filter((v) => v === one).length;
    const zeros = row.filter((v) => (head === "hidden" ? v <= zero : v === zero)).length;
    if (ones === 1 && zeros === classes - 1) faults.labelScores++;
    const sum = row.reduce((a, b) => a + b, 0);
    if (head === "logits" && Math.abs(sum - 1) > ROUNDING && row.every((v) => v >= 0 && v <= 1)) faults.unitScores++;
  }
  return faults;
}
