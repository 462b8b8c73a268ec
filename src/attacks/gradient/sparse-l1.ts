import { defineAttack } from "../../attack.ts";
import { checkCount, checkSignal, PerturbError } from "../../errors.ts";
import { checkLength, type Length, lengthAt } from "../../length.ts";
import { type DifferentiableModel, take, takeGoal } from "../../model.ts";
import { type FloatTensor, sampleSize, takeRows } from "../../tensor.ts";
import { keepBest } from "../steps/best.ts";
import { ATTACK_LOSSES, type AttackLoss } from "../steps/losses.ts";
import { rowsOf } from "../steps/nearest.ts";
import { sparseStep } from "../steps/sparse-step.ts";
import { type Attempt, type BudgetTask, sweep } from "../steps/sweep.ts";
import { projectL1Box } from "./apgd/ball-and-box.ts";

export interface SparseL1Options {
  /** Steps, and gradients. */
  readonly steps: number;
  /** Length of a step, in L1. */
  readonly stepSize: Length;
  /** q: a step moves the elements whose |∇J| is no smaller than this quantile of all. */
  readonly quantile: number;
  readonly loss: AttackLoss;
  /** Whether a sample is done when it reaches its goal; if not, it goes on to raise its loss. */
  readonly stopAtSuccess: boolean;
}

/**
 * Sparse L1 descent (Tramèr and Boneh 2019, the algorithm SLIDE): from x, x ← Π(x + α·e / ‖e‖₁), where e is the sign of
 * ∇J where |∇J| is no smaller than its q-quantile, and 0 elsewhere; an element at a bound that it cannot cross gets no
 * share. Defaults: CleverHans', to which the first author gave it (20 steps of ε / 10, q = .99).
 *
 * Differences: Π is the exact projection onto the ball cut by the bounds, where the original projects onto the ball and
 * clips; the best point of each sample is kept, the last one included; a sample that reaches its goal leaves the batch.
 */
export const sparseL1 = defineAttack<DifferentiableModel, SparseL1Options>({
  name: "sparse-l1",
  title: "sparse L1 descent",
  paper: "https://arxiv.org/abs/1904.13000",
  norms: ["l1"],
  aim: "within-epsilon",
  needs: "gradient",
  defaults: { steps: 20, stepSize: "0.1eps", quantile: 0.99, loss: "cross-entropy", stopAtSuccess: true },
  choices: { loss: ATTACK_LOSSES },
  about: {
    steps: "gradient steps",
    stepSize: { length: "of a step, in L1" },
    quantile: "a step moves the elements whose slope is no smaller than this quantile of all (0 to 1)",
    loss: "the loss that is raised",
    stopAtSuccess: "whether a sample is done once it is fooled, or goes on to raise its loss",
  },
  async propose(task, options) {
    checkOptions(options);
    checkSignal(task.signal);
    const { model, x, goal, start } = task;
    // One gradient at x serves every ε. The one that is given is that of the cross-entropy.
    const first =
      options.loss === "cross-entropy" && start ? start : await model.gradient(x, goal, options.loss, task.indices);
    return sweep({ ...task, start: first }, (budget) => descend(budget, options));
  },
});

function checkOptions({ steps, stepSize, quantile }: SparseL1Options): void {
  checkCount("steps", steps);
  checkLength("stepSize", stepSize);
  if (!(quantile >= 0 && quantile <= 1))
    throw new PerturbError("usage", `quantile must be between 0 and 1, got ${quantile}.`);
}

async function descend(
  { model, x, goal, indices, epsilon, start, signal }: BudgetTask<DifferentiableModel>,
  { steps, stepSize, quantile, loss, stopAtSuccess }: SparseL1Options,
): Promise<Attempt> {
  const size = sampleSize(x);
  // The place of the quantile among the sorted elements, rounded up; the slack keeps (1 - .99)·100 from being less than 1.
  const count = Math.floor((size - 1) * (1 - quantile) + 1e-9) + 1;
  const best = keepBest(x, loss);
  const points: FloatTensor = { ...x, data: x.data.slice() };
  const [original, point] = [rowsOf(x), rowsOf(points)];
  const scratch = new Float32Array(size);
  const active = (row: number): boolean => !stopAtSuccess || best.success[row] === 0;
  let rows = [...best.success.keys()];
  for (let t = 0; rows.length > 0; t++) {
    checkSignal(signal);
    const asked = takeRows(points, rows);
    const goals = takeGoal(goal, rows);
    const samples = take(indices, rows);
    if (t === steps) {
      best.offer(rows, asked, await model.logits(asked, samples), goals);
      break;
    }
    const { logits, gradient } = t === 0 && start ? start : await model.gradient(asked, goals, loss, samples);
    best.offer(rows, asked, logits, goals);
    const slope = rowsOf(gradient);
    for (const [i, row] of rows.entries()) {
      if (!active(row)) continue;
      sparseStep(point(row), slope(i), count, lengthAt(stepSize, epsilon), model.bounds, scratch);
      projectL1Box(point(row), original(row), epsilon, model.bounds);
    }
    rows = rows.filter(active);
  }
  // A larger ε has no more to do for a fooled sample, unless its loss is wanted.
  return { candidates: best.points, success: stopAtSuccess ? best.success : new Uint8Array(rows.length) };
}
