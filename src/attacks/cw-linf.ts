import { defineAttack, predict } from "../attack.ts";
import { checkSignal, PerturbError } from "../errors.ts";
import { type DifferentiableModel, reached, take, takeGoal } from "../model.ts";
import { sampleSize } from "../tensor.ts";
import { nearest, rowsOf } from "./nearest.ts";
import { adamStep, enter, leave, type TanhState } from "./tanh-space.ts";

export interface CwLinfOptions {
  /** Steps of Adam for each τ and c, at most. */
  readonly steps: number;
  /** Adam's, in tanh space. */
  readonly learningRate: number;
  /** The first c, the weight of the loss against the excess over τ, and the one beyond which a τ is given up. */
  readonly constant: number;
  readonly largestConstant: number;
  /** c is multiplied by this where it did not do. */
  readonly constantFactor: number;
  /** τ becomes this share of the nearest distance found. */
  readonly shrinkage: number;
  /** How many times, once a τ was given up, the middle between it and the nearest distance is tried. */
  readonly refinements: number;
  /** Whether a sample goes on to the next c when a tenth of the steps have not lowered its objective. */
  readonly abortEarly: boolean;
}

/** The objective must fall below this share of what it was. */
const FALL = 0.9999;

/** The share of the bounds' width below which τ shortens the steps, which could not tell distances apart otherwise. */
const FINE = 0.1;

/**
 * Carlini and Wagner's L∞ attack (2017, §VI-C): minimises c·max(0, -J) + Σ_i max(0, |x'_i - x_i| - τ), where J is the margin
 * by which the goal is reached, over w with x' = tanh(w) scaled to the bounds, by Adam, from the nearest point found. Once a
 * point within τ reaches the goal, τ shrinks to .9 of its distance; where none is found, c doubles. Defaults: the authors' code.
 *
 * Differences: every point that reaches the goal counts, and not only those within τ; each sample goes on to its next τ or
 * c by itself, and early where its objective no longer falls; when c has no more room, the gap to the last τ is halved a
 * few times; there is no least τ (the original: 1/256), and below a tenth of the bounds' width the learning rate shrinks
 * with it. How x enters tanh space: as in `cw`.
 */
export const cwLinf = defineAttack<DifferentiableModel, CwLinfOptions>({
  name: "cw-linf",
  paper: "https://arxiv.org/abs/1608.04644",
  norms: ["linf"],
  aim: "least-change",
  needs: "gradient",
  defaults: {
    steps: 1000,
    learningRate: 5e-3,
    constant: 1e-5,
    largestConstant: 20,
    constantFactor: 2,
    shrinkage: 0.9,
    refinements: 3,
    abortEarly: true,
  },
  async propose(task, options) {
    checkOptions(options);
    const { model, x, goal, indices, signal } = task;
    const { bounds } = model;
    const found = nearest(task);
    const state = enter(x, bounds);
    const nearestW = state.w.slice();
    const searches = Array.from(found.distances, () => newSearch(bounds.upper - bounds.lower, options));
    const size = sampleSize(x);
    const original = rowsOf(x);
    for (let rows = found.open(); rows.length > 0; ) {
      checkSignal(signal);
      const { points, slopes } = leave(state.w, rows, x, bounds);
      const remaining = takeGoal(goal, rows);
      const { logits, loss, gradient } = await model.gradient(points, remaining, "margin", take(indices, rows));
      const [point, slope, descent] = [rowsOf(points), rowsOf(slopes), rowsOf(gradient)];
      const ended = new Set<number>();
      for (const [i, prediction] of predict(logits).entries()) {
        const row = rows[i]!;
        const search = searches[row]!;
        const w = state.w.subarray(row * size, (row + 1) * size);
        const before = found.distances[row]!;
        if (prediction >= 0 && reached(remaining, i, prediction)) found.offer(row, point(i));
        const distance = found.distances[row]!;
        if (distance < before) nearestW.set(w, row * size);
        if (distance <= search.tau) shrink(search, distance, options);
        const weight = loss.data[i]! < 0 ? search.constant : 0;
        const excess = towards(descent(i), point(i), original(row), slope(i), weight, search.tau);
        if (stuck(search, excess - weight * loss.data[i]!, options)) {
          const next = giveUp(search, distance, options);
          if (next === "closer") w.set(nearestW.subarray(row * size, (row + 1) * size));
          if (next === "end") ended.add(row);
        } else {
          const fineness = Math.min(1, search.tau / (FINE * (bounds.upper - bounds.lower)));
          if (search.step === 0) forget(state, row * size, size);
          adamStep(state, row * size, descent(i), options.learningRate * fineness, ++search.step);
        }
      }
      rows = rows.filter((row) => !ended.has(row) && found.distances[row]! > 0);
    }
    return found.candidates();
  },
});

function checkOptions({ steps, shrinkage, constantFactor }: CwLinfOptions): void {
  if (!Number.isInteger(steps) || steps < 1)
    throw new PerturbError("usage", `steps must be a whole number of at least 1, got ${steps}.`);
  if (!(shrinkage > 0 && shrinkage < 1))
    throw new PerturbError("usage", `shrinkage must be between 0 and 1, got ${shrinkage}.`);
  if (!(constantFactor > 1)) throw new PerturbError("usage", `constantFactor must be above 1, got ${constantFactor}.`);
}

/** Where the search of one sample stands. */
interface Search {
  tau: number;
  constant: number;
  /** The c that worked last. */
  working: number;
  /** The largest τ that was given up. */
  failed: number;
  refinements: number;
  /** Adam's steps with this τ and c. */
  step: number;
  /** The objective at the last look. */
  before: number;
}

const newSearch = (tau: number, { constant, refinements }: CwLinfOptions): Search => ({
  tau,
  constant,
  working: constant,
  failed: 0,
  refinements,
  step: 0,
  before: Number.POSITIVE_INFINITY,
});

const restart = (search: Search, change: Partial<Search>): Search =>
  Object.assign(search, { step: 0, before: Number.POSITIVE_INFINITY }, change);

/** After a point within τ. */
const shrink = (search: Search, distance: number, { shrinkage }: CwLinfOptions): Search =>
  restart(search, {
    tau: search.failed > 0 ? (search.failed + distance) / 2 : shrinkage * distance,
    working: search.constant,
  });

/** Whether the steps are spent, or the objective does not fall any more. */
function stuck(search: Search, objective: number, { steps, abortEarly }: CwLinfOptions): boolean {
  if (search.step === steps) return true;
  if (!abortEarly || search.step % Math.ceil(steps / 10) !== 0) return false;
  const falls = objective <= search.before * FALL;
  search.before = objective;
  return !falls;
}

/** The next c; then a τ closer to the nearest point, from there; then the end. */
function giveUp(search: Search, distance: number, options: CwLinfOptions): "larger" | "closer" | "end" {
  const constant = search.constant * options.constantFactor;
  if (constant < options.largestConstant) {
    restart(search, { constant });
    return "larger";
  }
  if (search.refinements-- <= 0 || distance === Number.POSITIVE_INFINITY) return "end";
  restart(search, { constant: search.working, failed: search.tau, tau: (search.tau + distance) / 2 });
  return "closer";
}

/** Turns ∂J/∂x' in `g` into ∂(Σ max(0, |x' - x| - τ) - weight·J)/∂w. Returns the sum. */
function towards(
  g: Float32Array,
  point: Float32Array,
  x: Float32Array,
  slopes: Float32Array,
  weight: number,
  tau: number,
): number {
  let excess = 0;
  for (let j = 0; j < g.length; j++) {
    const d = point[j]! - x[j]!;
    const over = Math.abs(d) - tau;
    if (over > 0) excess += over;
    g[j] = ((over > 0 ? Math.sign(d) : 0) - weight * g[j]!) * slopes[j]!;
  }
  return excess;
}

/** Adam begins anew. */
function forget({ m, v }: TanhState, from: number, size: number): void {
  m.fill(0, from, from + size);
  v.fill(0, from, from + size);
}
