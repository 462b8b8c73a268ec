import type { AttackTask } from "../../attack.ts";
import type { Model } from "../../model.ts";
import { randomFor } from "../../random.ts";
import { type FloatTensor, sampleSize } from "../../tensor.ts";
import { bisect, blend, type Oracle } from "./decision.ts";
import { rowsOf } from "./nearest.ts";

/** Draws of the starting points: the stream of their noise. */
const STREAM = 0;
/** Points of noise that are tried at most for a start, and how many of them before any example where the goal is no target. */
const DRAWS = 1000;
const FIRST_DRAWS = 50;
/** Examples that are tried at most: the nearest. */
const EXAMPLES = 50;
/** How near to the boundary a start is brought, as a part of the way from x. */
const TOLERANCE = 1e-3;

/** Adversarial points, in the shape of x, of the samples `rows`; what stands there for the others means nothing. */
export interface Starts {
  readonly points: FloatTensor;
  readonly rows: number[];
}

/**
 * Where an attack by decisions begins: the first point of uniform noise that is adversarial, or, where the task has examples,
 * the nearest of them that is: first of all where the goal is a target, else after 50 draws of noise. The start is blended
 * with x until it is nearly not adversarial. Samples of which none is found, and those that x solves, are not among `rows`.
 */
export async function starts(task: AttackTask<Model>, oracle: Oracle): Promise<Starts> {
  const { model, x, goal, indices, seed } = task;
  const size = sampleSize(x);
  const points: FloatTensor = { ...x, data: x.data.slice() };
  const point = rowsOf(points);
  const { lower, upper } = model.bounds;
  const all = [...indices.keys()];
  const solved = await oracle.ask(points.data, all);
  const noise = goal.kind === "targeted" ? 0 : FIRST_DRAWS;
  let waiting = all.filter((row) => !solved[row]);
  const rows: number[] = [];
  const nearby = new Map<number, number[]>();
  const tries = new Float32Array(x.data.length);
  for (let k = 0; k < DRAWS + EXAMPLES && waiting.length > 0; k++) {
    for (const [i, row] of waiting.entries()) {
      const at = tries.subarray(i * size, (i + 1) * size);
      if (k >= noise && !nearby.has(row)) nearby.set(row, nearestExamples(task, row));
      const example = nearby.get(row)?.[k - noise];
      if (example !== undefined) at.set(task.examples!.x.data.subarray(example * size, (example + 1) * size));
      else {
        const random = randomFor(seed, indices[row]!, STREAM, k);
        for (let j = 0; j < size; j++) at[j] = lower + (upper - lower) * random.uniform();
      }
    }
    const answers = await oracle.ask(tries.subarray(0, waiting.length * size), waiting);
    for (const [i, row] of waiting.entries()) {
      if (!answers[i]) continue;
      point(row).set(tries.subarray(i * size, (i + 1) * size));
      rows.push(row);
    }
    waiting = waiting.filter((row, i) => !answers[i] && oracle.open(row));
  }
  await bisect(oracle, x, points, rows, blend, TOLERANCE);
  return { points, rows };
}

/** The examples whose label is what the goal asks for, the nearest to sample `row` first. */
function nearestExamples({ x, goal, norm, examples }: AttackTask<Model>, row: number): number[] {
  if (!examples) return [];
  const [original, example] = [rowsOf(x)(row), rowsOf(examples.x)];
  const distances = new Map<number, number>();
  for (const [i, label] of examples.labels.entries())
    if (goal.kind === "targeted" ? label === goal.targets[row] : label !== goal.labels[row])
      distances.set(i, norm.distance(example(i), original));
  return [...distances.keys()].sort((a, b) => distances.get(a)! - distances.get(b)! || a - b).slice(0, EXAMPLES);
}
