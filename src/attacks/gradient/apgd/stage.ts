import { checkSignal } from "../../../errors.ts";
import { type DifferentiableModel, type Goal, take, takeGoal } from "../../../model.ts";
import { type FloatTensor, sampleSize } from "../../../tensor.ts";
import { type AttackLoss, objective } from "../../steps/losses.ts";
import { rowsOf } from "../../steps/nearest.ts";
import { type Attempt, type BudgetTask, successOf } from "../../steps/sweep.ts";
import { type Ball, newClimber, observe, type Rule } from "./climber.ts";

/** What is climbed, and how far. */
export interface Climb {
  readonly loss: AttackLoss | "targeted-dlr";
  /** The goal that the loss is taken at. */
  readonly toward: Goal;
  readonly steps: number;
  readonly rho: number;
}

/** Where one run of APGD ends: in a point that reaches the goal as soon as there is one, else in that of the highest loss. */
export interface Summit extends Attempt {
  /** The highest loss of each sample. */
  readonly losses: Float64Array;
}

/** A climb inside the ball from these points, which it moves. A fooled sample leaves it at once, or goes on to raise its loss. */
export async function ascend(
  { model, x, goal, indices, signal }: BudgetTask<DifferentiableModel>,
  rule: Rule,
  ball: Ball,
  { loss, toward, steps, rho }: Climb,
  from: FloatTensor,
  stopAtSuccess: boolean,
): Promise<Summit> {
  const size = sampleSize(x);
  const part = (values: Float32Array, i: number) => values.subarray(i * size, (i + 1) * size);
  const candidates = new Float32Array(x.data.length);
  const losses = new Float64Array(indices.length);
  const success = new Uint8Array(indices.length);
  const scratch = new Float32Array(size);
  // Fresh memory for every step would cost as much as the step.
  const room = new Float32Array(x.data.length);

  const [original, start] = [rowsOf(x), rowsOf(from)];
  let climbers = Array.from(indices, (_, row) =>
    newClimber(row, original(row), start(row), rule.firstStep * ball.epsilon),
  );
  const checkpoints = new Set(rule.checkpoints(steps));
  const end = stopAtSuccess && rule.finish ? steps + 1 : steps;
  let checked = 0;
  for (let step = 0; climbers.length > 0; step++) {
    checkSignal(signal);
    const rows = climbers.map(({ row }) => row);
    const points = room.subarray(0, rows.length * size);
    for (const [i, { at }] of climbers.entries()) points.set(at, i * size);
    const batch: FloatTensor = { type: "float32", dims: [rows.length, ...x.dims.slice(1)], data: points };
    const aim = takeGoal(toward, rows);
    const answer = await model.gradient(batch, aim, loss, take(indices, rows));
    // In float32 the loss of a confident sample does not change, and no step would seem to gain.
    const heights = loss === "targeted-dlr" ? answer.loss.data : objective(answer.logits, aim, loss);
    const fooled = stopAtSuccess ? successOf(answer.logits, takeGoal(goal, rows)) : new Uint8Array(rows.length);
    for (const [i, climber] of climbers.entries()) {
      observe(climber, heights[i]!, part(answer.gradient.data, i));
      if (!fooled[i] && step < end) continue;
      success[climber.row] = fooled[i]!;
      losses[climber.row] = fooled[i] ? climber.loss : climber.bestLoss;
      part(candidates, climber.row).set(fooled[i] ? climber.at : climber.best);
    }
    if (step === end) break;
    climbers = climbers.filter((_, i) => !fooled[i]);
    if (step === steps) {
      for (const climber of climbers) rule.finish!(climber, ball);
      continue;
    }
    if (checkpoints.has(step)) {
      for (const climber of climbers) rule.review(climber, ball, step - checked, rho);
      checked = step;
    }
    for (const climber of climbers) rule.advance(climber, ball, step === 0, scratch);
  }
  return { candidates: { type: "float32", dims: x.dims, data: candidates }, success, losses };
}
