import type { Accuracy } from "../../evaluate.ts";
import type { Head } from "../../model.ts";

/** 97.5 % quantile of the standard normal distribution. */
const Z = 1.959963984540054;

/** The Wilson score interval (Wilson 1927, https://doi.org/10.2307/2276774) of a share, at 95 %. [0, 1] for no samples. */
export function wilson95(correct: number, total: number): readonly [number, number] {
  if (total === 0) return [0, 1];
  const p = correct / total;
  const z2 = Z * Z;
  const centre = p + z2 / (2 * total);
  const spread = Z * Math.sqrt((p * (1 - p)) / total + z2 / (4 * total * total));
  const scale = 1 + z2 / total;
  // The ends are exact at 0 and 1, where rounding would leave a trace.
  return [correct === 0 ? 0 : (centre - spread) / scale, correct === total ? 1 : (centre + spread) / scale];
}

/** An interval for a share, at 95 %. */
export type Interval = (correct: number, total: number) => readonly [number, number];

export const accuracyOf = (correct: number, total: number, interval: Interval = wilson95): Accuracy => ({
  correct,
  total,
  accuracy: total === 0 ? 0 : correct / total,
  ci95: interval(correct, total),
});

/**
 * Probability of class `c` by one row of logits: their softmax, or where each class stands by itself, the sigmoid of its own. Of a
 * multi-label model: that of the label farthest wrong being wrong, or for class 0, of the label least sure being right.
 */
export function probability(
  logits: Float32Array,
  row: number,
  classes: number,
  c: number,
  head: Head = "logits",
): number {
  const z = logits.subarray(row * classes, (row + 1) * classes);
  if (head === "multi-label") return 1 / (1 + Math.exp(c === 0 ? Math.max(...z.subarray(1)) : -z[c]!));
  if (head === "sigmoid") return 1 / (1 + Math.exp(-z[c]!));
  let sum = 0;
  for (let j = 0; j < classes; j++) sum += Math.exp(z[j]! - z[c]!);
  return 1 / sum;
}

/** -log softmax(z)_c of one row, in float64. */
export function crossEntropy(logits: Float32Array, row: number, classes: number, c: number): number {
  const z = logits.subarray(row * classes, (row + 1) * classes);
  const most = z.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  let sum = 0;
  for (let j = 0; j < classes; j++) sum += Math.exp(z[j]! - most);
  return Math.log(sum) + most - z[c]!;
}

/**
 * A sum that does not depend on the order or grouping of its terms: they are rounded to multiples of 2^-30, which
 * float64 adds exactly up to 2^23. So no mean in a report depends on batches or workers.
 */
export const exact = (value: number): number => Math.round(value * 2 ** 30) / 2 ** 30;

/** Whether two ε are one: 8/255 as a fraction and as a step of a range differ in their last bits. */
export const sameEpsilon = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-9 * Math.max(a, b);
