import { defineAttack, predict } from "../attack.ts";
import { checkSignal, PerturbError } from "../errors.ts";
import { type DifferentiableModel, reached, take, takeGoal } from "../model.ts";
import { sampleSize } from "../tensor.ts";
import { cosine, nearest, rowsOf } from "./nearest.ts";
import { adamStep, enter, leave, type TanhState } from "./tanh-space.ts";

export interface CwLinfOptions {
  /** Gradients a sample, at most. */
  readonly gradients: number;
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
  /** A sample is done when τ was given up above this share of the nearest distance. */
  readonly precision: number;
}

/** The share of the bounds' width below which τ shortens the steps, which could not tell distances apart otherwise. */
const FINE = Number(process.env.FINE ?? 0.1);
const LAST = Number(process.env.LAST ?? 0.05);

export const cwLinf = defineAttack<DifferentiableModel, CwLinfOptions>({
  name: "cw-linf",
  title: "Carlini and Wagner, L∞",
  paper: "https://arxiv.org/abs/1608.04644",
  norms: ["linf"],
  aim: "least-change",
  needs: "gradient",
  defaults: {
    gradients: 3000,
    steps: 100,
    learningRate: 5e-3,
    constant: 0.1,
    largestConstant: 20,
    constantFactor: 1000,
    shrinkage: 0.9,
    precision: 0.99,
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
    let rows = found.open();
    for (let asked = 0; asked < options.gradients && rows.length > 0; asked++) {
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
        else if (distance < Number.POSITIVE_INFINITY && search.step >= options.steps) {
          const next = giveUp(search, distance, options);
          if (next === "closer") w.set(nearestW.subarray(row * size, (row + 1) * size));
          if (next === "closer") { forget(state, row * size, size); continue; }
          if (next === "end") { ended.add(row); continue; }
        }
        const weight = loss.data[i]! < 0 ? search.constant : 0;
        towards(descent(i), point(i), original(row), slope(i), weight, search.tau);
        const fineness = Math.min(1, search.tau / (FINE * (bounds.upper - bounds.lower)));
        const rate = options.learningRate * fineness * (distance < Number.POSITIVE_INFINITY ? cosine(1, LAST, search.step / options.steps) : 1);
        if (search.step === 0) forget(state, row * size, size);
        adamStep(state, row * size, descent(i), rate, ++search.step);
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
  /** Adam's steps with this τ and c. */
  step: number;
}

const newSearch = (tau: number, { constant }: CwLinfOptions): Search => ({
  tau,
  constant,
  working: constant,
  failed: 0,
  step: 0,
});

/** After a point within τ. */
function shrink(search: Search, distance: number, { shrinkage }: CwLinfOptions): void {
  search.tau = Math.max(shrinkage * distance, (search.failed + distance) / 2);
  search.working = search.constant;
  search.step = 0;
}

/** The next c; then a τ closer to the nearest point, from there; then the end. */
function giveUp(search: Search, distance: number, options: CwLinfOptions): "larger" | "closer" | "end" {
  search.step = 0;
  const constant = search.constant * options.constantFactor;
  if (constant < options.largestConstant) {
    search.constant = constant;
    return "larger";
  }
  search.failed = search.tau;
  if (distance === Number.POSITIVE_INFINITY || search.failed >= options.precision * distance) return "end";
  search.tau = (search.failed + distance) / 2;
  search.constant = search.working;
  return "closer";
}

/** Turns ∂J/∂x' in `g` into ∂(Σ max(0, |x' - x| - τ) - weight·J)/∂w. */
function towards(
  g: Float32Array,
  point: Float32Array,
  x: Float32Array,
  slopes: Float32Array,
  weight: number,
  tau: number,
): void {
  for (let j = 0; j < g.length; j++) {
    const d = point[j]! - x[j]!;
    g[j] = ((Math.abs(d) > tau ? Math.sign(d) : 0) - weight * g[j]!) * slopes[j]!;
  }
}

/** Adam begins anew. */
function forget({ m, v }: TanhState, from: number, size: number): void {
  m.fill(0, from, from + size);
  v.fill(0, from, from + size);
}
