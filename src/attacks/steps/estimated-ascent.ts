import { checkSignal } from "../../errors.ts";
import { type Model, take, takeGoal } from "../../model.ts";
import { randomFor } from "../../random.ts";
import { sampleSize, takeRows } from "../../tensor.ts";
import { keepBest } from "./best.ts";
import { type Estimate, estimate, type Probing } from "./probes.ts";
import type { Attempt, BudgetTask } from "./sweep.ts";

/** Draws of the start and of the probes. */
const [START, PROBES] = [0, 1];

export interface EstimatedAscent extends Probing {
  readonly steps: number;
  /** Whether the first point is drawn uniformly from the ball, or is x. */
  readonly randomStart: boolean;
  /** The step of one sample: changes `point`, which is then projected. Made anew for each sample, as it may remember. */
  readonly stepper: (size: number) => (point: Float32Array, at: Estimate) => void;
}

/**
 * Ascends estimated gradients inside the ball, sample by sample, until the goal is reached; the best point asked is kept.
 * It makes at most 1 + steps · (2 · pairs + 1) queries for a sample.
 */
export async function ascendEstimates(task: BudgetTask<Model>, options: EstimatedAscent): Promise<Attempt> {
  const { model, x, goal, norm, epsilon, indices, seed, signal } = task;
  const size = sampleSize(x);
  const points = takeRows(x, [...indices.keys()]);
  const part = (values: Float32Array, row: number) => values.subarray(row * size, (row + 1) * size);
  const steps = Array.from(indices, () => options.stepper(size));
  const best = keepBest(x, options.loss);
  let rows = [...indices.keys()];
  for (let step = 0; step <= options.steps && rows.length > 0; step++) {
    for (const row of rows) {
      checkSignal(signal);
      const [point, original] = [part(points.data, row), part(x.data, row)];
      const sample = indices[row]!;
      if (step > 0) {
        const random = randomFor(seed, sample, PROBES, step);
        steps[row]!(point, await estimate(model, point, goal, row, sample, options, random));
      } else if (options.randomStart) norm.uniform(point, original, epsilon, randomFor(seed, sample, START));
      norm.project(point, original, epsilon, model.bounds);
    }
    checkSignal(signal);
    const asked = takeRows(points, rows);
    best.offer(rows, asked, await model.logits(asked, take(indices, rows)), takeGoal(goal, rows));
    rows = rows.filter((row) => best.success[row] === 0);
  }
  return { candidates: best.points, success: best.success };
}
