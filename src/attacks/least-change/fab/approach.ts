import type { AttackTask } from "../../../attack.ts";
import { checkSignal } from "../../../errors.ts";
import { type DifferentiableModel, take, takeGoal } from "../../../model.ts";
import type { Norm } from "../../../norm.ts";
import { randomFor } from "../../../random.ts";
import { type FloatTensor, sampleSize, takeRows } from "../../../tensor.ts";
import type { LinearBoundary } from "../../steps/linearised.ts";
import { type Nearest, rowsOf } from "../../steps/nearest.ts";
import { successOf } from "../../steps/sweep.ts";
import { moveToHyperplane } from "./hyperplane.ts";

export interface Pace {
  readonly steps: number;
  readonly alphaMax: number;
  readonly eta: number;
  readonly beta: number;
}

export interface Run {
  readonly pace: Pace;
  /** The linearised boundary of the samples `rows` at these points. */
  readonly boundary: (points: FloatTensor, rows: readonly number[]) => Promise<LinearBoundary>;
  /** Key of the random start; without it, the run starts at x. */
  readonly stream: number | undefined;
  /** The samples that still have something to gain. */
  readonly open: () => number[];
}

/** One run of FAB from one start: what it finds it offers. A gradient or more and a forward pass a step. */
export async function approach(
  task: AttackTask<DifferentiableModel>,
  found: Nearest,
  { pace, boundary, stream, open }: Run,
): Promise<void> {
  const { model, x, goal, norm, indices, seed, epsilons, signal } = task;
  const { lower, upper } = model.bounds;
  const current: FloatTensor = { ...x, data: x.data.slice() };
  const [original, point] = [rowsOf(x), rowsOf(current)];
  let rows = open();
  if (stream !== undefined)
    for (const row of rows) {
      const radius =
        Math.min(found.distances[row]!, epsilons.findLast(Number.isFinite) ?? Number.POSITIVE_INFINITY) / 2;
      // Without a distance and an ε to go by, the start is x.
      if (radius === Number.POSITIVE_INFINITY) continue;
      const random = randomFor(seed, indices[row]!, stream);
      const draw = norm.name === "linf" ? () => 2 * random.uniform() - 1 : () => random.normal();
      const direction = Float32Array.from(point(row), draw);
      const scale = radius / (norm.length(direction) || 1);
      const p = point(row);
      for (let j = 0; j < p.length; j++) {
        const v = p[j]! + scale * direction[j]!;
        p[j] = v < lower ? lower : v > upper ? upper : v;
      }
    }
  const step = stepper(norm, model.bounds, pace, sampleSize(x));
  for (let k = 0; k < pace.steps && rows.length > 0; k++) {
    checkSignal(signal);
    const { slopes, heights } = await boundary(takeRows(current, rows), rows);
    for (const [i, row] of rows.entries()) step(point(row), original(row), rowsOf(slopes)(i), heights[i]!);
    checkSignal(signal);
    const logits = await model.logits(takeRows(current, rows), take(indices, rows));
    for (const [i, reached] of successOf(logits, takeGoal(goal, rows)).entries()) {
      if (!reached) continue;
      const [p, o] = [point(rows[i]!), original(rows[i]!)];
      found.offer(rows[i]!, p);
      for (let j = 0; j < p.length; j++) p[j] = o[j]! + pace.beta * (p[j]! - o[j]!);
    }
    rows = open();
  }
}

/** The least length of a move, so that their ratio is a number. */
const LEAST = 1e-8;

/**
 * One step, in place: p and x both move onto the hyperplane, and η past it, and p goes to a convex combination of the two,
 * with the share α of x that their distances to the hyperplane give, at most alphaMax.
 */
function stepper(norm: Norm, box: DifferentiableModel["bounds"], { alphaMax, eta }: Pace, size: number) {
  const [own, home] = [new Float32Array(size), new Float32Array(size)];
  return (p: Float32Array, x: Float32Array, w: Float32Array, height: number): void => {
    let homeHeight = height;
    for (let j = 0; j < size; j++) homeHeight += w[j]! * (x[j]! - p[j]!);
    const near = Math.max(LEAST, moveToHyperplane(own, p, w, -height, norm, box));
    const far = Math.max(LEAST, moveToHyperplane(home, x, w, -homeHeight, norm, box));
    const alpha = Math.min(near / (near + far), alphaMax);
    for (let j = 0; j < size; j++) {
      const v = (p[j]! + eta * own[j]!) * (1 - alpha) + (x[j]! + eta * home[j]!) * alpha;
      p[j] = v < box.lower ? box.lower : v > box.upper ? box.upper : v;
    }
  };
}
