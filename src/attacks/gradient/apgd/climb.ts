import { type DifferentiableModel, takeGoal } from "../../../model.ts";
import { randomFor } from "../../../random.ts";
import { type FloatTensor, sampleSize, takeRows } from "../../../tensor.ts";
import { rowsOf } from "../../steps/nearest.ts";
import type { Attempt, BudgetTask } from "../../steps/sweep.ts";
import type { Ball, Rule, Stage } from "./climber.ts";
import { momentum } from "./momentum.ts";
import { sparse } from "./sparse.ts";
import { ascend, type Climb, type Summit } from "./stage.ts";

/**
 * One run from the random start of the key `stream`, through the stages of the norm: each but the first begins at the
 * projection of the last one's best point. It asks for at most 4 gradients a sample more than it has steps.
 */
export async function climb(task: BudgetTask<DifferentiableModel>, way: Climb, stream: number): Promise<Summit> {
  const { x, norm, epsilon, model } = task;
  const rule = norm.name === "l1" ? sparse : momentum;
  const stages = rule.stages(way.steps);
  const ballOf = ({ radius }: Stage): Ball => ({ norm, epsilon: radius * epsilon, bounds: model.bounds });
  let points = startingPoints(task, rule, ballOf(stages[0]!), stream);
  for (const [k, next] of stages.slice(1).entries()) {
    const stage = stages[k]!;
    const summit = await ascend(task, rule, ballOf(stage), { ...way, steps: stage.steps }, points, false);
    points = summit.candidates;
    const [point, original] = [rowsOf(points), rowsOf(x)];
    for (const row of task.indices.keys()) rule.project(point(row), original(row), ballOf(next));
  }
  const last = stages.at(-1)!;
  return ascend(task, rule, ballOf(last), { ...way, steps: last.steps }, points, true);
}

function startingPoints(
  { x, indices, seed }: BudgetTask<DifferentiableModel>,
  rule: Rule,
  ball: Ball,
  stream: number,
): FloatTensor {
  const points: FloatTensor = { ...x, data: new Float32Array(x.data.length) };
  const [original, point] = [rowsOf(x), rowsOf(points)];
  for (const [row, index] of indices.entries())
    rule.start(point(row), original(row), ball, randomFor(seed, index, stream));
  return points;
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
