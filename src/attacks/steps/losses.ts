import type { Goal, Loss, TargetedLoss } from "../../model.ts";
import { lossClasses } from "../../model.ts";
import type { FloatTensor } from "../../tensor.ts";

/** The losses of one class that attacks raise. */
export type AttackLoss = Exclude<Loss, "logit" | "other-logits" | TargetedLoss>;

/**
 * J of each sample from its logits [n, classes], as `DifferentiableModel.gradient` defines it, but in float64: the loss of
 * a confident sample is rounding noise in float32, and no measure of which of two points is the better.
 */
export function objective({ data, dims }: FloatTensor, goal: Goal, loss: AttackLoss): Float64Array {
  const classes = dims[1]!;
  const sign = goal.kind === "targeted" ? -1 : 1;
  const lossAt = goal.sets && loss === "cross-entropy" ? binaryCrossEntropy : LOSSES[loss];
  return Float64Array.from(
    lossClasses(goal),
    (c, i) => sign * lossAt(data.subarray(i * classes, (i + 1) * classes), c),
  );
}

const LOSSES: Readonly<Record<AttackLoss, (z: Float32Array, c: number) => number>> = {
  "cross-entropy": (z, c) => {
    let most = 0;
    for (let j = 1; j < z.length; j++) if (z[j]! > z[most]!) most = j;
    let others = 0;
    for (let j = 0; j < z.length; j++) if (j !== most) others += Math.exp(z[j]! - z[most]!);
    return Math.log1p(others) + z[most]! - z[c]!;
  },
  margin,
  dlr: (z, c) => {
    const sorted = z.slice().sort();
    return margin(z, c) / (sorted.at(-1)! - sorted.at(-3)! + 1e-12);
  },
};

/** Σ log(1 + exp(z_j)) over the labels at class 0, log(1 + exp(-z_c)) at the class of one label. */
export function binaryCrossEntropy(z: Float32Array, c: number): number {
  const soft = (v: number): number => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v)));
  return c === 0 ? z.subarray(1).reduce((sum, v) => sum + soft(v), 0) : soft(-z[c]!);
}

/** The losses of one class, by name: what an option `loss` may be. */
export const ATTACK_LOSSES = Object.keys(LOSSES) as readonly AttackLoss[];

function margin(z: Float32Array, c: number): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let j = 0; j < z.length; j++) if (j !== c && !(z[j]! <= most)) most = z[j]!;
  return most - z[c]!;
}
