import { checkSignal } from "../../../errors.ts";
import { type DifferentiableModel, type Goal, take, takeGoal } from "../../../model.ts";
import { randomFor } from "../../../random.ts";
import { type FloatTensor, sampleSize, takeRows } from "../../../tensor.ts";
import { type AttackLoss, objective } from "../../steps/losses.ts";
import { type Attempt, type BudgetTask, successOf } from "../../steps/sweep.ts";
import { type Ball, type Climber, newClimber, observe } from "./climber.ts";
import { momentum } from "./momentum.ts";
import { sparse } from "./sparse.ts";

export interface Climb {
  readonly loss: AttackLoss | "targeted-dlr";
  /** The goal that the loss is taken at. */
  readonly toward: Goal;
  readonly steps: number;
  readonly rho: number;
  /** Key of the random start. */
  readonly stream: number;
}

/** Where one run of APGD ends: in a point that reaches the goal as soon as there is one, else in that of the highest loss. */
export interface Summit extends Attempt {
  /** The highest loss of each sample. */
  readonly losses: Float64Array;
}

/** One run from one random start. It asks for at most steps + 1 gradients a sample. */
export async function climb(
  task: BudgetTask<DifferentiableModel>,
  { loss, toward, steps, rho, stream }: Climb,
): Promise<Summit> {
  const { model, x, goal, norm, epsilon, indices, seed, signal } = task;
  const ball: Ball = { norm, epsilon, bounds: model.bounds };
  const rule = norm.name === "l1" ? sparse : momentum;
  const size = sampleSize(x);
  const part = (values: Float32Array, i: number) => values.subarray(i * size, (i + 1) * size);
  const candidates = new Float32Array(x.data.length);
  const losses = new Float64Array(indices.length);
  const success = new Uint8Array(indices.length);
  const scratch = new Float32Array(size);
  // Fresh memory for every step would cost as much as the step.
  const room = new Float32Array(x.data.length);

  let climbers = Array.from(indices, (index, row): Climber => {
    const start = new Float32Array(size);
    rule.start(start, part(x.data, row), ball, randomFor(seed, index, stream));
    return newClimber(row, part(x.data, row), start, rule.firstStep * epsilon);
  });
  const checkpoints = new Set(rule.checkpoints(steps));
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
    const fooled = successOf(answer.logits, takeGoal(goal, rows));
    for (const [i, climber] of climbers.entries()) {
      observe(climber, heights[i]!, part(answer.gradient.data, i));
      if (!fooled[i] && step < steps) continue;
      success[climber.row] = fooled[i]!;
      losses[climber.row] = fooled[i] ? climber.loss : climber.bestLoss;
      part(candidates, climber.row).set(fooled[i] ? climber.at : climber.best);
    }
    if (step === steps) break;
    climbers = climbers.filter((_, i) => !fooled[i]);
    if (checkpoints.has(step)) {
      for (const climber of climbers) rule.review(climber, ball, step - checked, rho);
      checked = step;
    }
    for (const climber of climbers) rule.advance(climber, ball, step === 0, scratch);
  }
  return { candidates: { type: "float32", dims: x.dims, data: candidates }, success, losses };
}

/** `count` restarts in turn over the samples that are not fooled yet; one that never is keeps its best point by `losses`. */
export async function climbs(
  task: BudgetTask<DifferentiableModel>,
  count: number,
  run: (task: BudgetTask<DifferentiableModel>, rows: readonly number[], round: number) => Promise<Summit>,
): Promise<Attempt> {
  const { x, goal, indices } = task;
  const size = sampleSize(x);
  const candidates = x.data.slice();
  const success = new Uint8Array(indices.length);
  const losses = new Float64Array(indices.length).fill(Number.NEGATIVE_INFINITY);
  for (let round = 0; round < count; round++) {
    const rows = [...success.keys()].filter((row) => !success[row]);
    if (rows.length === 0) break;
    const part: BudgetTask<DifferentiableModel> = {
      ...task,
      x: takeRows(x, rows),
      goal: takeGoal(goal, rows),
      indices: Int32Array.from(rows, (row) => indices[row]!),
      start: undefined,
    };
    const summit = await run(part, rows, round);
    for (const [i, row] of rows.entries()) {
      if (!summit.success[i] && !(summit.losses[i]! > losses[row]!)) continue;
      success[row] = summit.success[i]!;
      losses[row] = summit.losses[i]!;
      candidates.set(summit.candidates.data.subarray(i * size, (i + 1) * size), row * size);
    }
  }
  return { candidates: { type: "float32", dims: x.dims, data: candidates }, success };
}
