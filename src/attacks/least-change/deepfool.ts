import { defineAttack, predict } from "../../attack.ts";
import { checkSignal } from "../../errors.ts";
import { type DifferentiableModel, reached, take, takeGoal } from "../../model.ts";
import { type Box, type Norm, norms } from "../../norm.ts";
import { type FloatTensor, takeRows } from "../../tensor.ts";
import { boundaryAt, nearestBoundary } from "../steps/linearised.ts";
import { nearest, rowsOf } from "../steps/nearest.ts";
import { rivalsOf } from "../steps/rivals.ts";

export interface DeepFoolOptions {
  /** Linearisations a sample, at most. */
  readonly steps: number;
  /** How far past the linearised boundary, as a share of the step. */
  readonly overshoot: number;
  /** Classes that are tried, the label among them: the most likely ones at x. */
  readonly candidates: number;
}

/** Added to each step, in the norm, as in the authors' code: a step to a boundary that lies at 0 still moves. */
const LEAST_STEP = 1e-4;

/**
 * DeepFool (Moosavi-Dezfooli et al. 2016, algorithm 2; §3.3, eq. 10 to 12 for L∞): the logits are linearised, and the sample steps to
 * the nearest of the linear boundaries, until the class changes. Each step costs a gradient for each class tried.
 * Defaults: §3 and the authors' code.
 *
 * Differences: the point is clipped to the bounds in each step, and the next one begins there; the authors stretch the sum of all
 * steps, and know no bounds (Foolbox clips that sum, and finds less: docs/strength.md). Targeted, which the paper has not: the boundary is always that of the
 * target and the largest other logit, at one gradient a step.
 */
export const deepfool = defineAttack<DifferentiableModel, DeepFoolOptions>({
  name: "deepfool",
  title: "DeepFool",
  paper: "https://arxiv.org/abs/1511.04599",
  norms: ["l2", "linf"],
  aim: "least-change",
  needs: "gradient",
  defaults: { steps: 50, overshoot: 0.02, candidates: 10 },
  about: {
    steps: "linearisations, at most",
    overshoot: "how far past the linearised boundary, as a share of the step",
    candidates: "classes that are tried, the label among them: the most likely",
  },
  async propose(task, { steps, overshoot, candidates }) {
    const { model, x, goal, norm, indices, start, signal } = task;
    const found = nearest(task);
    const current: FloatTensor = { ...x, data: x.data.slice() };
    const point = rowsOf(current);
    // The classes to try for each sample, most likely first; those at x, as the authors do.
    let tried: Int32Array[] | undefined;
    let rows = found.open();
    for (let k = 0; rows.length > 0; k++) {
      checkSignal(signal);
      const logits = k === 0 && start ? start.logits : await model.logits(takeRows(current, rows), take(indices, rows));
      const remaining = takeGoal(goal, rows);
      for (const [i, prediction] of predict(logits).entries())
        if (prediction >= 0 && reached(remaining, i, prediction)) found.offer(rows[i]!, point(rows[i]!));
      tried ??= rivalsOf(logits, goal.labels, Math.max(1, candidates - 1));
      rows = rows.filter((row) => found.distances[row] === Number.POSITIVE_INFINITY);
      if (k === steps || rows.length === 0) break;
      const samples = take(indices, rows);
      const asked = { model, x: takeRows(current, rows), goal: takeGoal(goal, rows), samples, norm, signal };
      const { slopes, heights } =
        goal.kind === "targeted"
          ? await boundaryAt(asked, "margin")
          : await nearestBoundary(
              asked,
              rows.map((row) => tried![row]!),
            );
      for (const [i, row] of rows.entries())
        step(point(row), rowsOf(slopes)(i), Math.abs(heights[i]!), 1 + overshoot, norm, model.bounds);
    }
    return found.candidates();
  },
});

/** Moves p by `stretch` times the least step in the norm that closes the gap, along w in L2, along its signs in L∞; then clips. */
function step(p: Float32Array, w: Float32Array, gap: number, stretch: number, norm: Norm, { lower, upper }: Box): void {
  const steepness = norms[norm.dual].length(w);
  // A flat or broken logit shows no way.
  if (!(steepness > 0 && Number.isFinite(steepness))) return;
  const length = stretch * (gap / steepness + LEAST_STEP);
  for (let j = 0; j < p.length; j++) {
    const v = p[j]! + length * (norm.name === "linf" ? Math.sign(w[j]!) : w[j]! / steepness);
    p[j] = v < lower ? lower : v > upper ? upper : v;
  }
}
