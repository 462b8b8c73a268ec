import { checkSignal, PerturbError } from "./errors.ts";
import type { DifferentiableModel } from "./model.ts";
import { randomFor } from "./random.ts";
import { type FloatTensor, sampleSize } from "./tensor.ts";

/** What a saliency map is asked of. S_c(x) is the logit of class c: the score before the softmax. */
export interface SaliencyTask {
  readonly model: DifferentiableModel;
  /** [n, ...inputShape] */
  readonly x: FloatTensor;
  /** The class c to explain, one a sample. */
  readonly classes: Int32Array;
  /** Gradients at a time, by default 10; does not change the result. */
  readonly batch?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface SmoothGradOptions {
  /** How many noisy copies of each sample are averaged. Default 50. */
  readonly samples?: number | undefined;
  /** Standard deviation of the noise, as a share of the sample's range (its largest value minus its smallest). Default 0.15. */
  readonly noise?: number | undefined;
  readonly seed?: number | undefined;
  /** The samples' numbers in their data set, which the noise depends on; by default 0, 1, … */
  readonly indices?: Int32Array | undefined;
}

export interface IntegratedGradientsOptions {
  /** Points of the path, at the middle of intervals of equal length. Default 50. */
  readonly steps?: number | undefined;
  /** The value of every element where the path begins; by default the model's lower bound, which is black. */
  readonly baseline?: number | undefined;
}

/** M_c(x) = ∂S_c(x)/∂x (Simonyan et al. 2014, https://arxiv.org/abs/1312.6034, §3), signed, in the shape of x. */
export async function gradientMap(task: SaliencyTask): Promise<FloatTensor> {
  const mean = await meanGradient(task, 1, (_i, _k, from, to) => to.set(from));
  return shaped(task.x, (j) => mean[j]!);
}

/** x ⊙ ∂S_c(x)/∂x (Shrikumar et al. 2016, https://arxiv.org/abs/1605.01713): what each element adds, were S_c linear. */
export async function gradientTimesInput(task: SaliencyTask): Promise<FloatTensor> {
  const mean = await meanGradient(task, 1, (_i, _k, from, to) => to.set(from));
  return shaped(task.x, (j) => task.x.data[j]! * mean[j]!);
}

/**
 * SmoothGrad (Smilkov et al. 2017, https://arxiv.org/abs/1706.03825, §3): 1/n Σ M_c(x + N(0, σ²)), signed, in the shape of
 * x. As in the paper, noisy samples may leave the model's bounds. @throws usage
 */
export async function smoothGrad(
  task: SaliencyTask,
  { samples = 50, noise = 0.15, seed = 0, indices }: SmoothGradOptions = {},
): Promise<FloatTensor> {
  requireCount("samples", samples);
  if (!(noise >= 0 && noise < Number.POSITIVE_INFINITY))
    throw new PerturbError("usage", `The noise is a share of the sample's range, such as 0.15, and not ${noise}.`);
  const mean = await meanGradient(task, samples, (i, k, from, to) => {
    const sigma = noise * rangeOf(from);
    const random = randomFor(seed, indices?.[i] ?? i, 0, k);
    for (let j = 0; j < to.length; j++) to[j] = from[j]! + sigma * random.normal();
  });
  return shaped(task.x, (j) => mean[j]!);
}

/**
 * Integrated gradients (Sundararajan et al. 2017, https://arxiv.org/abs/1703.01365, eq. 1): (x - x') ⊙ ∫ ∂S_c/∂x along the
 * straight path from the baseline x' to x, in the shape of x. The integral is taken by the midpoint rule, which is nearer to
 * it than the right-hand sum of eq. 3. Its elements add up to S_c(x) - S_c(x') as the steps grow: see `completeness`.
 * @throws usage
 */
export async function integratedGradients(
  task: SaliencyTask,
  { steps = 50, baseline = task.model.bounds.lower }: IntegratedGradientsOptions = {},
): Promise<FloatTensor> {
  requireCount("steps", steps);
  const mean = await meanGradient(task, steps, (_i, k, from, to) => {
    const share = (k + 0.5) / steps;
    for (let j = 0; j < to.length; j++) to[j] = baseline + share * (from[j]! - baseline);
  });
  return shaped(task.x, (j) => (task.x.data[j]! - baseline) * mean[j]!);
}

/** What the attributions of one sample add up to, and what they should by Proposition 1: S_c(x) - S_c(x'). */
export interface Completeness {
  readonly sum: number;
  readonly rise: number;
}

/** Whether integrated gradients add up, for each sample. The paper (§5) asks for more steps where they are off by over 5 %. */
export async function completeness(
  { model, x, classes }: Pick<SaliencyTask, "model" | "x" | "classes">,
  attributions: FloatTensor,
  baseline: number = model.bounds.lower,
): Promise<Completeness[]> {
  const size = sampleSize(x);
  const from = await model.logits({ ...x, data: new Float32Array(x.data.length).fill(baseline) });
  const to = await model.logits(x);
  return Array.from(classes, (c, i) => {
    const at = i * model.classes + c;
    return {
      sum: attributions.data.subarray(i * size, (i + 1) * size).reduce((a, v) => a + v, 0),
      rise: to.data[at]! - from.data[at]!,
    };
  });
}

export type SaliencyName = "gradient" | "gradient-x-input" | "smoothgrad" | "integrated-gradients";

/** A method under one signature. It takes the options of all, and reads its own. */
export interface SaliencyMethod {
  readonly title: string;
  readonly map: (task: SaliencyTask, options: SmoothGradOptions & IntegratedGradientsOptions) => Promise<FloatTensor>;
}

export const saliencyMethods: Readonly<Record<SaliencyName, SaliencyMethod>> = {
  gradient: { title: "gradient", map: gradientMap },
  "gradient-x-input": { title: "gradient × input", map: gradientTimesInput },
  smoothgrad: { title: "SmoothGrad", map: smoothGrad },
  "integrated-gradients": { title: "integrated gradients", map: integratedGradients },
};

/**
 * The mean of ∂S_c/∂x over `count` points for each sample, added up in float64 in the order of the points. `point` writes
 * the k-th point of sample i, made from the sample's values.
 */
async function meanGradient(
  { model, x, classes, batch = 10, signal }: SaliencyTask,
  count: number,
  point: (i: number, k: number, from: Float32Array, to: Float32Array) => void,
): Promise<Float64Array> {
  requireCount("batch", batch);
  const size = sampleSize(x);
  const sums = new Float64Array(x.data.length);
  const total = classes.length * count;
  for (let start = 0; start < total; start += batch) {
    checkSignal(signal);
    const rows = Array.from({ length: Math.min(batch, total - start) }, (_, r) => start + r);
    const data = new Float32Array(rows.length * size);
    for (const [r, row] of rows.entries()) {
      const i = Math.floor(row / count);
      point(i, row % count, x.data.subarray(i * size, (i + 1) * size), data.subarray(r * size, (r + 1) * size));
    }
    const labels = Int32Array.from(rows, (row) => classes[Math.floor(row / count)]!);
    const points: FloatTensor = { type: "float32", dims: [rows.length, ...x.dims.slice(1)], data };
    const { gradient } = await model.gradient(points, { kind: "untargeted", labels }, "logit");
    for (const [r, row] of rows.entries()) {
      const at = Math.floor(row / count) * size;
      for (let j = 0; j < size; j++) sums[at + j]! += gradient.data[r * size + j]! / count;
    }
  }
  return sums;
}

const shaped = ({ dims, data }: FloatTensor, value: (j: number) => number): FloatTensor => ({
  type: "float32",
  dims,
  data: Float32Array.from({ length: data.length }, (_, j) => value(j)),
});

const rangeOf = (values: Float32Array): number => {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const v of values) [low, high] = [Math.min(low, v), Math.max(high, v)];
  return high - low;
};

function requireCount(what: string, value: number): void {
  if (Number.isSafeInteger(value) && value > 0) return;
  throw new PerturbError("usage", `${what} is a whole number of at least 1, and not ${value}.`);
}
