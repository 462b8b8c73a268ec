import type { Bounds } from "../../model.ts";
import { type FloatTensor, sampleSize } from "../../tensor.ts";

/**
 * The bounds as the range of a tanh, in which Carlini and Wagner (2017, https://arxiv.org/abs/1608.04644, §V-B) search
 * without a constraint: x' = tanh(w) scaled to the bounds. x is drawn in by this share before it enters, so that the slope is
 * nowhere zero and pixels at the bounds can move; what that took is given back on the way out.
 */
const INSET = 1e-3;

/** Adam's, as published. */
const [BETA1, BETA2, TINY] = [0.9, 0.999, 1e-8];

/** Samples in tanh space, and Adam's first and second moments there. */
export interface TanhState {
  readonly w: Float64Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
}

/** x in tanh space, before Adam's first step. */
export function enter({ data }: FloatTensor, { lower, upper }: Bounds): TanhState {
  const scale = (2 / (upper - lower)) * (1 - INSET);
  const w = Float64Array.from(data, (v) => Math.atanh((v - (lower + upper) / 2) * scale));
  return { w, m: new Float32Array(data.length), v: new Float32Array(data.length) };
}

/** x' of the samples `rows`, and ∂x'/∂w. `x`: all the samples that entered. */
export function leave(w: Float64Array, rows: readonly number[], x: FloatTensor, { lower, upper }: Bounds) {
  const span = upper - lower;
  const middle = (lower + upper) / 2;
  const size = sampleSize(x);
  const make = (): FloatTensor => ({
    type: "float32",
    dims: [rows.length, ...x.dims.slice(1)],
    data: new Float32Array(rows.length * size),
  });
  const [points, slopes] = [make(), make()];
  let at = 0;
  for (const row of rows) {
    for (let j = row * size; j < (row + 1) * size; j++, at++) {
      // (1 + tanh w) / 2 = 1 / (1 + e^-2w), at half the cost.
      const share = 1 / (1 + Math.exp(-2 * w[j]!));
      const v = lower + span * share + (x.data[j]! - middle) * INSET;
      points.data[at] = v < lower ? lower : v > upper ? upper : v;
      slopes.data[at] = 2 * span * share * (1 - share);
    }
  }
  return { points, slopes };
}

/** Step t = 1, 2, … of Adam (Kingma and Ba 2015, algorithm 1) down the slope `g` of the elements from `offset`. */
export function adamStep({ w, m, v }: TanhState, offset: number, g: Float32Array, rate: number, t: number): void {
  const first = rate / (1 - BETA1 ** t);
  const second = 1 / (1 - BETA2 ** t);
  for (let i = 0, j = offset; i < g.length; i++, j++) {
    const slope = g[i]!;
    const mean = BETA1 * m[j]! + (1 - BETA1) * slope;
    const square = BETA2 * v[j]! + (1 - BETA2) * slope * slope;
    m[j] = mean;
    v[j] = square;
    w[j]! -= (first * mean) / (Math.sqrt(square * second) + TINY);
  }
}
