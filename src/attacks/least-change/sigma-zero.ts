import { defineAttack, predict } from "../../attack.ts";
import { checkSignal, PerturbError } from "../../errors.ts";
import { type DifferentiableModel, reached, take, takeGoal } from "../../model.ts";
import { type Cells, cellsOf } from "../../norm.ts";
import { type FloatTensor, sampleSize, takeRows } from "../../tensor.ts";
import { cosine, nearest, rowsOf } from "../steps/nearest.ts";

export interface SigmaZeroOptions {
  /** Gradients a sample. */
  readonly steps: number;
  /** η_0: Adam's rate at the start, in ranges of the input; it falls to a tenth along half a cosine. */
  readonly stepSize: number;
  /** σ, how sharply Σ δ²/(δ² + σ) counts the changed elements. */
  readonly sigma: number;
  /** τ_0: elements that changed by less, in ranges of the input, are put back. */
  readonly threshold: number;
  /** t: τ moves by t times the rate, up after an adversarial point, down after any other. */
  readonly thresholdStep: number;
}

/** Adam's decay rates, and what keeps its quotient finite. */
const [BETA1, BETA2, TINY] = [0.9, 0.999, 1e-8];

/**
 * σ-zero (Cinà, Villani, Pintor, Schönherr, Biggio and Pelillo 2024, algorithm 1): Adam descends the margin, as long as
 * the sample is not adversarial, plus the smooth count Σ δ²/(δ² + σ) of the changed elements over their number, by a
 * gradient of L∞ length 1; after each step, elements that changed by less than τ are put back. Defaults: the paper's,
 * which the authors' code has too, but for its 100 steps.
 *
 * Differences from that code: targeted goals have the margin of the target; changes are measured in ranges of the input, as
 * bounds need not be 0 and 1; where ε counts pixels, these are counted, and put back, as a whole; a sample with one changed
 * element, or none, leaves the batch, for there is no nearer point.
 */
export const sigmaZero = defineAttack<DifferentiableModel, SigmaZeroOptions>({
  name: "sigma-zero",
  title: "σ-zero",
  paper: "https://arxiv.org/abs/2402.01879",
  norms: ["l0"],
  aim: "least-change",
  needs: "gradient",
  defaults: { steps: 1000, stepSize: 1, sigma: 1e-3, threshold: 0.3, thresholdStep: 0.01 },
  about: {
    steps: "gradient steps",
    stepSize: "Adam's first step size, as a share of the range between the bounds; it falls to a tenth",
    sigma: "how sharply changed elements are counted, in squared shares of the range",
    threshold: "elements or pixels that changed by less are put back, as a share of the range between the bounds",
    thresholdStep: "what the threshold moves by, as a share of the step size",
  },
  async propose(task, options) {
    checkOptions(options);
    const { steps, stepSize, sigma, threshold, thresholdStep } = options;
    const { model, x, goal, indices, signal } = task;
    const { lower, upper } = model.bounds;
    const range = upper - lower;
    const rate = (k: number) => cosine(stepSize, stepSize / 10, k / steps);
    const size = sampleSize(x);
    const cells = cellsOf(task.norm, x.dims.slice(1));
    const found = nearest(task);
    const current: FloatTensor = { ...x, data: x.data.slice() };
    const [original, point] = [rowsOf(x), rowsOf(current)];
    const moments = { first: new Float32Array(x.data.length), second: new Float32Array(x.data.length) };
    const thresholds = new Float64Array(indices.length).fill(threshold);
    let rows = found.open();
    for (let k = 0; k < steps && rows.length > 0; k++) {
      checkSignal(signal);
      const remaining = takeGoal(goal, rows);
      const asked = takeRows(current, rows);
      const { logits, loss, gradient } = await model.gradient(asked, remaining, "margin", take(indices, rows));
      const first = rate(k) / (1 - BETA1 ** (k + 1));
      const second = 1 / (1 - BETA2 ** (k + 1));
      for (const [i, prediction] of predict(logits).entries()) {
        const row = rows[i]!;
        const [p, o, g] = [point(row), original(row), rowsOf(gradient)(i)];
        const adversarial = prediction >= 0 && reached(remaining, i, prediction);
        if (adversarial) found.offer(row, p);
        const next = thresholds[row]! + (adversarial ? 1 : -1) * thresholdStep * rate(k + 1);
        const tau = next < 0 ? 0 : next > 1 ? 1 : next;
        thresholds[row] = tau;
        const length = descent(g, p, o, cells, loss.data[i]! < 0 ? range : 0, range, sigma);
        // A broken gradient shows no way.
        if (!(length < Number.POSITIVE_INFINITY)) continue;
        const scale = 1 / Math.max(length, 1e-12);
        for (let j = 0, at = row * size; j < size; j++, at++) {
          const slope = g[j]! * scale;
          const mean = BETA1 * moments.first[at]! + (1 - BETA1) * slope;
          const square = BETA2 * moments.second[at]! + (1 - BETA2) * slope * slope;
          moments.first[at] = mean;
          moments.second[at] = square;
          const v = p[j]! - (range * first * mean) / (Math.sqrt(square * second) + TINY);
          p[j] = v < lower ? lower : v > upper ? upper : v;
        }
        putBack(p, o, cells, tau * range);
      }
      rows = rows.filter((row) => found.distances[row]! > 1);
    }
    return found.candidates();
  },
});

/**
 * Turns the gradient g of the objective, which an attack raises, into that of what σ-zero lowers, by δ = (p - o) / range:
 * -weight · g + ∇ Σ δ²/(δ² + σ) / n, where δ² of a pixel is the sum of its channels. Its L∞ length; NaN where an element is.
 */
function descent(
  g: Float32Array,
  p: Float32Array,
  o: Float32Array,
  { count, channels, at }: Cells,
  weight: number,
  range: number,
  sigma: number,
): number {
  let most = 0;
  for (let k = 0; k < count; k++) {
    let squares = 0;
    for (let c = 0; c < channels; c++) squares += ((p[at(k, c)]! - o[at(k, c)]!) / range) ** 2;
    const spread = squares + sigma;
    for (let c = 0; c < channels; c++) {
      const j = at(k, c);
      const d = (p[j]! - o[j]!) / range;
      const slope = (2 * d * sigma) / (spread * spread * count) - weight * g[j]!;
      g[j] = slope;
      if (!(Math.abs(slope) <= most)) most = Math.abs(slope);
      if (Number.isNaN(slope)) return slope;
    }
  }
  return most;
}

/** Puts back what changed by less than `least`: of a pixel, its channel that changed most. */
function putBack(p: Float32Array, o: Float32Array, { count, channels, at }: Cells, least: number): void {
  for (let k = 0; k < count; k++) {
    let most = 0;
    for (let c = 0; c < channels; c++) most = Math.max(most, Math.abs(p[at(k, c)]! - o[at(k, c)]!));
    if (most < least) for (let c = 0; c < channels; c++) p[at(k, c)] = o[at(k, c)]!;
  }
}

function checkOptions({ steps, stepSize, sigma, threshold, thresholdStep }: SigmaZeroOptions): void {
  if (!(Number.isInteger(steps) && steps >= 1))
    throw new PerturbError("usage", `sigma-zero needs a whole number of steps from 1, got ${steps}.`);
  for (const [name, value] of Object.entries({ stepSize, sigma }))
    if (!(value > 0 && value < Number.POSITIVE_INFINITY))
      throw new PerturbError("usage", `sigma-zero needs a positive ${name}, got ${value}.`);
  for (const [name, value] of Object.entries({ threshold, thresholdStep }))
    if (!(value >= 0 && value <= 1))
      throw new PerturbError("usage", `sigma-zero's ${name} is a share of the range in [0, 1], got ${value}.`);
}
