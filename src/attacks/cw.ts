import { defineAttack, predict } from "../attack.ts";
import { checkSignal } from "../errors.ts";
import { type Bounds, type DifferentiableModel, reached, take, takeGoal } from "../model.ts";
import { type FloatTensor, sampleSize } from "../tensor.ts";
import { nearest, rowsOf } from "./nearest.ts";

export interface CwOptions {
  /** Values of c that are tried. */
  readonly searches: number;
  /** Steps of Adam for each c, at most. */
  readonly steps: number;
  /** Adam's, in tanh space. */
  readonly learningRate: number;
  /** The first c, the weight of the loss against the squared distance. */
  readonly constant: number;
  /** κ: the margin, in logits, that an adversarial point must have. */
  readonly confidence: number;
  /** Whether a sample leaves when a tenth of the steps have not lowered its objective. */
  readonly abortEarly: boolean;
}

/**
 * x is drawn in by this share before it enters tanh space, so that its slope is nowhere zero and pixels at the bounds can
 * move; what that took is given back on the way out.
 */
const INSET = 1e-3;

/** Adam's, as published. */
const [BETA1, BETA2, TINY] = [0.9, 0.999, 1e-8];

/** A sample leaves unless its objective fell below this share of what it was. */
const FALL = 0.9999;

/**
 * Carlini and Wagner's L2 attack (2017, §V-A and VI-A): minimises ‖x' - x‖² + c·max(0, κ - J), where J is the margin by which the
 * goal is reached, over w with x' = tanh(w) scaled to the bounds, by Adam; the least c that works is searched, times ten
 * until one works, then by halving. Defaults: the authors' code, with 1,000 steps where it has up to 10,000.
 *
 * Differences: each sample aborts by itself, where the authors stop the whole batch, so that no sample depends on its
 * neighbours; x is drawn in by 1e-3 and not 1e-6, at which a pixel at a bound needs hundreds of steps to move, or aborts
 * first, and the search begins at x itself; samples that x itself solves with margin κ = 0 leave.
 */
export const cw = defineAttack<DifferentiableModel, CwOptions>({
  name: "cw",
  paper: "https://arxiv.org/abs/1608.04644",
  norms: ["l2"],
  aim: "least-change",
  needs: "gradient",
  defaults: { searches: 9, steps: 1000, learningRate: 0.01, constant: 1e-3, confidence: 0, abortEarly: true },
  async propose(task, { searches, steps, learningRate, constant, confidence, abortEarly }) {
    const { model, x, goal, indices, signal } = task;
    const found = nearest(task);
    const size = sampleSize(x);
    const constants = found.distances.map(() => constant);
    const [failing, working] = [constants.map(() => 0), constants.map(() => Number.POSITIVE_INFINITY)];
    for (let search = 0; search < searches; search++) {
      const state = begin(x, model.bounds);
      const hit = new Uint8Array(constants.length);
      const before = constants.map(() => Number.POSITIVE_INFINITY);
      const searched = found.open();
      let rows = searched;
      for (let step = 0; step < steps && rows.length > 0; step++) {
        checkSignal(signal);
        const { points, slopes } = map(state.w, rows, x, model.bounds);
        const remaining = takeGoal(goal, rows);
        const { logits, loss, gradient } = await model.gradient(points, remaining, "margin", take(indices, rows));
        const aborted = new Set<number>();
        for (const [i, prediction] of predict(logits).entries()) {
          const row = rows[i]!;
          const point = rowsOf(points)(i);
          const missing = confidence - loss.data[i]!;
          if (missing <= 0 && prediction >= 0 && reached(remaining, i, prediction)) {
            hit[row] = 1;
            found.offer(row, point);
          }
          const weight = missing > 0 ? constants[row]! : 0;
          const squares = towards(rowsOf(gradient)(i), point, rowsOf(x)(row), rowsOf(slopes)(i), weight);
          const objective = squares + weight * missing;
          if (abortEarly && step % Math.ceil(steps / 10) === 0) {
            if (!(objective <= before[row]! * FALL)) aborted.add(row);
            before[row] = objective;
          }
          adam(state, row * size, rowsOf(gradient)(i), learningRate, step + 1);
        }
        rows = rows.filter((row) => !aborted.has(row) && found.distances[row]! > 0);
      }
      for (const row of searched) {
        const c = constants[row]!;
        if (hit[row]) working[row] = Math.min(working[row]!, c);
        else failing[row] = Math.max(failing[row]!, c);
        constants[row] = Number.isFinite(working[row]!) ? (failing[row]! + working[row]!) / 2 : c * 10;
      }
    }
    return found.candidates();
  },
});

/** The samples in tanh space, and Adam's first and second moments there. */
interface State {
  readonly w: Float64Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
}

function begin({ data }: FloatTensor, { lower, upper }: Bounds): State {
  const scale = (2 / (upper - lower)) * (1 - INSET);
  const w = Float64Array.from(data, (v) => Math.atanh((v - (lower + upper) / 2) * scale));
  return { w, m: new Float32Array(data.length), v: new Float32Array(data.length) };
}

/** x' of the samples `rows`, and ∂x'/∂w. */
function map(w: Float64Array, rows: readonly number[], x: FloatTensor, { lower, upper }: Bounds) {
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

/** Turns ∂J/∂x' in `g` into ∂(‖x' - x‖² - weight·J)/∂w. Returns ‖x' - x‖². */
function towards(g: Float32Array, point: Float32Array, x: Float32Array, slopes: Float32Array, weight: number): number {
  let squares = 0;
  for (let j = 0; j < g.length; j++) {
    const d = point[j]! - x[j]!;
    squares += d * d;
    g[j] = (2 * d - weight * g[j]!) * slopes[j]!;
  }
  return squares;
}

/** Step t = 1, 2, … of Adam (Kingma and Ba 2015, algorithm 1) on the elements from `offset`. */
function adam({ w, m, v }: State, offset: number, g: Float32Array, rate: number, t: number): void {
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
