import { defineAttack, predict } from "../../attack.ts";
import { checkSignal } from "../../errors.ts";
import { type DifferentiableModel, reached, take, takeGoal } from "../../model.ts";
import { sampleSize } from "../../tensor.ts";
import { nearest, rowsOf } from "../steps/nearest.ts";
import { adamStep, enter, leave } from "../steps/tanh-space.ts";

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
  title: "Carlini and Wagner, L2",
  paper: "https://arxiv.org/abs/1608.04644",
  norms: ["l2"],
  aim: "least-change",
  needs: "gradient",
  defaults: { searches: 9, steps: 1000, learningRate: 0.01, constant: 1e-3, confidence: 0, abortEarly: true },
  about: {
    searches: "values of c that are tried",
    steps: "Adam steps for each c, at most",
    learningRate: "Adam's step size, in tanh space: without unit",
    constant: "first c, the weight of the loss against the squared distance",
    confidence: "margin that an adversarial point must have, in logits",
    abortEarly: "whether a sample stops when a tenth of the steps have not lowered its objective",
  },
  async propose(task, { searches, steps, learningRate, constant, confidence, abortEarly }) {
    const { model, x, goal, indices, signal } = task;
    const found = nearest(task);
    const size = sampleSize(x);
    const constants = found.distances.map(() => constant);
    const [failing, working] = [constants.map(() => 0), constants.map(() => Number.POSITIVE_INFINITY)];
    for (let search = 0; search < searches; search++) {
      const state = enter(x, model.bounds);
      const hit = new Uint8Array(constants.length);
      const before = constants.map(() => Number.POSITIVE_INFINITY);
      const searched = found.open();
      let rows = searched;
      for (let step = 0; step < steps && rows.length > 0; step++) {
        checkSignal(signal);
        const { points, slopes } = leave(state.w, rows, x, model.bounds);
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
          adamStep(state, row * size, rowsOf(gradient)(i), learningRate, step + 1);
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
