import { defineAttack, predict } from "../../attack.ts";
import { checkCount, checkSignal, PerturbError } from "../../errors.ts";
import { type DifferentiableModel, reached, take, takeGoal } from "../../model.ts";
import { sampleSize } from "../../tensor.ts";
import { cosine, nearest, rowsOf } from "../steps/nearest.ts";
import { adamStep, enter, leave, type TanhState } from "../steps/tanh-space.ts";

export interface CwLinfOptions {
  /** Gradients a sample, at most. */
  readonly gradients: number;
  /** Steps of Adam for each τ and c, at most. */
  readonly steps: number;
  /** Adam's first, in tanh space; it falls to a hundredth along half a cosine. */
  readonly learningRate: number;
  /** The first c, the weight of the loss against the excess over τ. */
  readonly constant: number;
  /** c is multiplied by this where it did not do, */
  readonly constantFactor: number;
  /** while it stays below this. */
  readonly largestConstant: number;
  /** τ becomes this share of the nearest distance found. */
  readonly shrinkage: number;
  /** A sample is done when the last τ given up is less than this share below the nearest distance found. */
  readonly tolerance: number;
}

/** The last learning rate, as a share of the first. */
const LAST = 0.01;

/** The share of the bounds' width below which τ shortens the steps, which could not tell distances apart otherwise. */
const FINE = 0.1;

/**
 * Carlini and Wagner's L∞ attack (2017, §VI-C): minimises c·max(0, -J) + Σ_i max(0, |x'_i - x_i| - τ), where J is the margin
 * by which the goal is reached, over w with x' = tanh(w) scaled to the bounds, by Adam, from the nearest point found. Once a
 * point within τ reaches the goal, τ shrinks to .9 of its distance; where none is found, c grows, and then τ is given up.
 *
 * Differences: every point that reaches the goal counts, and not only those within τ; each sample goes on to its next τ
 * or c by itself; a τ is given up at once where the last point reaches the goal, since a larger c would only lead
 * farther away; a τ given up is not the end: the gap between it and the nearest distance is halved until it is small,
 * and there is no least τ (the authors' code: 1/256), but a bound on all gradients of a sample. That code has up to
 * 1,000 steps for each of 21 c from 1e-5 to 20, doubled, at a rate of 5e-3, at which a pixel at a bound needs hundreds
 * of steps to move: here the rate is ten times that, and falls, and below a tenth of the bounds' width shrinks with τ;
 * c begins at .01 and grows tenfold. How x enters tanh space: as in `cw`.
 */
export const cwLinf = defineAttack<DifferentiableModel, CwLinfOptions>({
  name: "cw-linf",
  title: "Carlini and Wagner, L∞",
  paper: "https://arxiv.org/abs/1608.04644",
  norms: ["linf"],
  aim: "least-change",
  needs: "gradient",
  defaults: {
    gradients: 3000,
    steps: 200,
    learningRate: 0.05,
    constant: 0.01,
    constantFactor: 10,
    largestConstant: 20,
    shrinkage: 0.9,
    tolerance: 0.02,
  },
  about: {
    gradients: "gradients a sample, at most",
    steps: "Adam steps for each threshold and c, at most",
    learningRate: "Adam's first step size, in tanh space: without unit",
    constant: "first c, the weight of the loss against the distance above the threshold",
    constantFactor: "factor of c after a search that failed",
    largestConstant: "c grows while it is below this",
    shrinkage: "the next threshold, as a share of the nearest distance found",
    tolerance: "a sample is done when the last threshold that failed is nearer than this share to the distance found",
  },
  async propose(task, options) {
    checkOptions(options);
    const { model, x, goal, indices, signal } = task;
    const { bounds } = model;
    const span = bounds.upper - bounds.lower;
    const found = nearest(task);
    const state = enter(x, bounds);
    const nearestW = state.w.slice();
    const searches = Array.from(found.distances, () => newSearch(span, options));
    const size = sampleSize(x);
    const original = rowsOf(x);
    let rows = found.open();
    for (let asked = 0; asked < options.gradients && rows.length > 0; asked++) {
      checkSignal(signal);
      const { points, slopes } = leave(state.w, rows, x, bounds);
      const remaining = takeGoal(goal, rows);
      const { logits, gradient } = await model.gradient(points, remaining, "margin", take(indices, rows));
      const [point, slope, descent] = [rowsOf(points), rowsOf(slopes), rowsOf(gradient)];
      const ended = new Set<number>();
      for (const [i, prediction] of predict(logits).entries()) {
        const row = rows[i]!;
        const search = searches[row]!;
        const w = state.w.subarray(row * size, (row + 1) * size);
        const before = found.distances[row]!;
        const adversarial = prediction >= 0 && reached(remaining, i, prediction);
        if (adversarial) found.offer(row, point(i));
        const distance = found.distances[row]!;
        if (distance < before) nearestW.set(w, row * size);
        if (distance <= search.tau) shrink(search, distance, options);
        // Until there is a nearest point, what counts is to find one.
        const known = distance < Number.POSITIVE_INFINITY;
        const spent = known && search.step === options.steps && (adversarial || !enlarge(search, options));
        const weight = adversarial ? 0 : search.constant;
        if (spent || !towards(descent(i), point(i), original(row), slope(i), weight, search.tau)) {
          if (giveUp(search, distance, options)) w.set(nearestW.subarray(row * size, (row + 1) * size));
          else ended.add(row);
          continue;
        }
        const pace = known ? cosine(1, LAST, search.step / options.steps) : 1;
        const fineness = Math.min(1, search.tau / (FINE * span));
        if (search.step === 0) forget(state, row * size, size);
        adamStep(state, row * size, descent(i), options.learningRate * pace * fineness, ++search.step);
      }
      rows = rows.filter((row) => !ended.has(row) && found.distances[row]! > 0);
    }
    return found.candidates();
  },
});

function checkOptions(options: CwLinfOptions): void {
  const { gradients, steps, learningRate, constant, constantFactor, shrinkage, tolerance } = options;
  for (const [name, value] of Object.entries({ gradients, steps })) checkCount(name, value);
  for (const [name, value] of Object.entries({ learningRate, constant }))
    if (!(value > 0)) throw new PerturbError("usage", `${name} must be above 0, got ${value}.`);
  for (const [name, value] of Object.entries({ shrinkage, tolerance }))
    if (!(value > 0 && value < 1)) throw new PerturbError("usage", `${name} must be between 0 and 1, got ${value}.`);
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

/** The next c, if there is one. */
function enlarge(search: Search, { constantFactor, largestConstant }: CwLinfOptions): boolean {
  const larger = search.constant * constantFactor;
  if (!(larger < largestConstant)) return false;
  search.constant = larger;
  search.step = 0;
  return true;
}

/** A τ closer to the nearest point, if there is room. */
function giveUp(search: Search, distance: number, { tolerance }: CwLinfOptions): boolean {
  search.failed = search.tau;
  if (!(search.failed < (1 - tolerance) * distance && distance < Number.POSITIVE_INFINITY)) return false;
  search.tau = (search.failed + distance) / 2;
  search.constant = search.working;
  search.step = 0;
  return true;
}

/** Turns ∂J/∂x' in `g` into ∂(Σ max(0, |x' - x| - τ) - weight·J)/∂w. Returns whether that leads anywhere. */
function towards(
  g: Float32Array,
  point: Float32Array,
  x: Float32Array,
  slopes: Float32Array,
  weight: number,
  tau: number,
): boolean {
  let force = 0;
  for (let j = 0; j < g.length; j++) {
    const d = point[j]! - x[j]!;
    const pull = Math.abs(d) > tau ? Math.sign(d) : 0;
    g[j] = (pull - weight * g[j]!) * slopes[j]!;
    force += Math.abs(g[j]!);
  }
  return force > 0 && force < Number.POSITIVE_INFINITY;
}

/** Adam begins anew. */
function forget({ m, v }: TanhState, from: number, size: number): void {
  m.fill(0, from, from + size);
  v.fill(0, from, from + size);
}
