import { defineAttack, predict } from "../attack.ts";
import { checkSignal } from "../errors.ts";
import { type DifferentiableModel, type Goal, reached, take, takeGoal } from "../model.ts";
import { type Norm, norms } from "../norm.ts";
import { type FloatTensor, takeRows } from "../tensor.ts";
import { nearest, rowsOf } from "./nearest.ts";

export interface DeepFoolOptions {
  /** Linearisations a sample, at most. */
  readonly steps: number;
  /** How far past the linearised boundary, as a share of the perturbation. */
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
 * Differences: the point is clipped to the bounds. Targeted, which the paper has not: the boundary is always that of the
 * target and the largest other logit, at one gradient a step.
 */
export const deepfool = defineAttack<DifferentiableModel, DeepFoolOptions>({
  name: "deepfool",
  paper: "https://arxiv.org/abs/1511.04599",
  norms: ["l2", "linf"],
  aim: "least-change",
  needs: "gradient",
  defaults: { steps: 50, overshoot: 0.02, candidates: 10 },
  async propose(task, { steps, overshoot, candidates }) {
    const { model, x, goal, norm, indices, start, signal } = task;
    const { lower, upper } = model.bounds;
    const found = nearest(task);
    const current: FloatTensor = { ...x, data: x.data.slice() };
    const moved: FloatTensor = { ...x, data: new Float32Array(x.data.length) };
    const [original, point, perturbation] = [rowsOf(x), rowsOf(current), rowsOf(moved)];
    // The classes to try for each sample, most likely first; those at x, as the authors do.
    let tried: Int32Array[] | undefined;
    let rows = found.open();
    for (let k = 0; rows.length > 0; k++) {
      checkSignal(signal);
      const logits = k === 0 && start ? start.logits : await model.logits(takeRows(current, rows), take(indices, rows));
      const remaining = takeGoal(goal, rows);
      for (const [i, prediction] of predict(logits).entries())
        if (prediction >= 0 && reached(remaining, i, prediction)) found.offer(rows[i]!, point(rows[i]!));
      tried ??= ranked(logits, remaining, candidates);
      rows = rows.filter((row) => found.distances[row] === Number.POSITIVE_INFINITY);
      if (k === steps || rows.length === 0) break;
      const samples = take(indices, rows);
      const asked = { model, x: takeRows(current, rows), goal: takeGoal(goal, rows), samples, norm, signal };
      const { slopes, gaps } =
        goal.kind === "targeted"
          ? await toTarget(asked)
          : await toNearest(
              asked,
              rows.map((row) => tried![row]!),
            );
      for (const [i, row] of rows.entries()) {
        const [p, o, r] = [point(row), original(row), perturbation(row)];
        addStep(r, rowsOf(slopes)(i), gaps[i]!, norm);
        for (let j = 0; j < p.length; j++) {
          const v = o[j]! + (1 + overshoot) * r[j]!;
          p[j] = v < lower ? lower : v > upper ? upper : v;
        }
      }
    }
    return found.candidates();
  },
});

interface Asked {
  readonly model: DifferentiableModel;
  readonly x: FloatTensor;
  readonly goal: Goal;
  readonly samples: Int32Array;
  readonly norm: Norm;
  readonly signal: AbortSignal | undefined;
}

/** The linear boundary to step to: its normal w, and |f|, what is missing on this side of it. One a sample. */
interface Boundary {
  readonly slopes: FloatTensor;
  readonly gaps: Float64Array;
}

/** The boundary of the target and the largest other logit. */
async function toTarget({ model, x, goal, samples, signal }: Asked): Promise<Boundary> {
  checkSignal(signal);
  const { loss, gradient } = await model.gradient(x, goal, "margin", samples);
  return { slopes: gradient, gaps: Float64Array.from(loss.data, Math.abs) };
}

/** The nearest boundary of the label and each class tried. */
async function toNearest(
  { model, x, goal, samples, norm, signal }: Asked,
  tried: readonly Int32Array[],
): Promise<Boundary> {
  const logit = (labels: Int32Array) => {
    checkSignal(signal);
    return model.gradient(x, { kind: "untargeted", labels }, "logit", samples);
  };
  const own = await logit(goal.labels);
  const slopes: FloatTensor = { ...x, data: new Float32Array(x.data.length) };
  const gaps = new Float64Array(tried.length);
  const least = new Float64Array(tried.length).fill(Number.POSITIVE_INFINITY);
  const dual = norms[norm.dual];
  for (let c = 0; c < tried[0]!.length; c++) {
    const other = await logit(Int32Array.from(tried, (classes) => classes[c]!));
    for (let i = 0; i < tried.length; i++) {
      const w = rowsOf(other.gradient)(i);
      const reference = rowsOf(own.gradient)(i);
      for (let j = 0; j < w.length; j++) w[j]! -= reference[j]!;
      const gap = Math.abs(other.loss.data[i]! - own.loss.data[i]!);
      const distance = gap / dual.length(w);
      if (!(distance < least[i]!)) continue;
      least[i] = distance;
      gaps[i] = gap;
      rowsOf(slopes)(i).set(w);
    }
  }
  return { slopes, gaps };
}

/** Adds to r the least step in the norm that closes the gap: along w in L2, along its signs in L∞. */
function addStep(r: Float32Array, w: Float32Array, gap: number, norm: Norm): void {
  const steepness = norms[norm.dual].length(w);
  // A flat or broken logit shows no way.
  if (!(steepness > 0 && Number.isFinite(steepness))) return;
  const length = gap / steepness + LEAST_STEP;
  if (norm.name === "linf") for (let j = 0; j < r.length; j++) r[j]! += length * Math.sign(w[j]!);
  else for (let j = 0; j < r.length; j++) r[j]! += (length / steepness) * w[j]!;
}

/** The `count` - 1 most likely classes other than the label, for each sample. */
function ranked(logits: FloatTensor, { labels }: Goal, count: number): Int32Array[] {
  const row = rowsOf(logits);
  return Array.from(labels, (label, i) => {
    const z = row(i);
    const others = Int32Array.from(z.keys()).filter((c) => c !== label);
    return others.sort((a, b) => z[b]! - z[a]! || a - b).subarray(0, Math.max(1, count - 1));
  });
}
