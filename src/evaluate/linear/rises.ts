import { binaryCrossEntropy } from "../../attacks/steps/losses.ts";
import { type Goal, type Gradient, lossClasses, type Model } from "../../model.ts";
import { type Norm, norms } from "../../norm.ts";
import { type FloatTensor, sampleSize } from "../../tensor.ts";
import { crossEntropy } from "../results/statistics.ts";

/** How far J of one sample rises at the best first-order step of length ε. */
export interface Rise {
  /** ε·‖∇xJ‖ in the dual norm. */
  readonly predicted: number;
  /** ⟨∇xJ, x' - x⟩, where x' is the step inside the bounds. */
  readonly predictedClipped: number;
  /** J(x') - J(x). */
  readonly measured: number;
}

/** What is asked about; `start` is the gradient at x. */
interface Subject {
  readonly model: Model;
  readonly x: FloatTensor;
  readonly goal: Goal;
  readonly start: Gradient;
  /** In the data set. */
  readonly indices?: Int32Array | undefined;
}

/** The rise of J of each sample, as the gradient predicts it, and as measured. */
export async function firstOrderRises(
  { model, x, goal, start: { gradient, logits }, indices }: Subject,
  norm: Norm,
  epsilon: number,
): Promise<Rise[]> {
  const moved = eachSample(x, gradient, (out, pixels, g) => norm.ascend(out, pixels, g, epsilon, model.bounds));
  const after = objective(await model.logits(moved, indices), goal);
  return Array.from(objective(logits, goal), (before, i) => ({
    predicted: epsilon * (norm.dualLength?.(row(gradient, i)) ?? norms[norm.dual].length(row(gradient, i))),
    predictedClipped: dotDifference(row(gradient, i), row(moved, i), row(x, i)),
    measured: after[i]! - before,
  }));
}

/** The values of sample i. */
export const row = (t: FloatTensor, i: number): Float32Array =>
  t.data.subarray(i * sampleSize(t), (i + 1) * sampleSize(t));

/** A batch made sample by sample. */
export function eachSample(
  x: FloatTensor,
  g: FloatTensor,
  make: (out: Float32Array, x: Float32Array, g: Float32Array, i: number) => void,
): FloatTensor {
  const result: FloatTensor = { ...x, data: new Float32Array(x.data.length) };
  for (let i = 0; i < x.dims[0]!; i++) make(row(result, i), row(x, i), row(g, i), i);
  return result;
}

/** J of each sample: what the attack raises. */
export function objective(logits: FloatTensor, goal: Goal): Float64Array {
  const sign = goal.kind === "targeted" ? -1 : 1;
  const classes = logits.dims[1]!;
  const lossOf = (i: number, c: number): number =>
    goal.sets
      ? binaryCrossEntropy(logits.data.subarray(i * classes, (i + 1) * classes), c)
      : crossEntropy(logits.data, i, classes, c);
  return Float64Array.from(lossClasses(goal), (c, i) => sign * lossOf(i, c));
}

function dotDifference(g: Float32Array, a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < g.length; i++) sum += g[i]! * (a[i]! - b[i]!);
  return sum;
}
