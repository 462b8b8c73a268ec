import { type Goal, type Model, takeGoal } from "../../model.ts";
import type { Random } from "../../random.ts";
import type { FloatTensor } from "../../tensor.ts";
import { type AttackLoss, objective } from "./losses.ts";

/** How a gradient is estimated from differences. */
export interface Probing {
  /** Pairs of points that are asked for one estimate: each costs two queries. */
  readonly pairs: number;
  /** How far a probe lies from the point, along its direction u. */
  readonly reach: number;
  readonly loss: AttackLoss;
  /** One element of u: of mean 0 and variance 1. */
  readonly draw: (random: Random) => number;
}

/** The estimate of ∇J, written into `gradient`, and the mean of J over the probes. */
export interface Estimate {
  readonly gradient: Float64Array;
  readonly mean: number;
}

/**
 * ∇J at one point of row `row` of the goal, the data set's `sample`, from antithetic pairs: the mean of (J(x + r·u) - J(x - r·u)) / 2r · u. All pairs are
 * asked at once, of this sample alone, so that no result hangs on the batch. Probes are cut to the bounds, as no model
 * need take others; they may lie outside the ball. A pair without a finite difference counts as flat.
 */
export async function estimate(
  model: Model,
  point: Float32Array,
  goal: Goal,
  row: number,
  sample: number,
  { pairs, reach, loss, draw }: Probing,
  random: Random,
): Promise<Estimate> {
  const size = point.length;
  const { lower, upper } = model.bounds;
  const directions = new Float32Array(pairs * size);
  const data = new Float32Array(2 * pairs * size);
  for (let k = 0; k < pairs; k++)
    for (let i = 0; i < size; i++) {
      const u = draw(random);
      directions[k * size + i] = u;
      data[2 * k * size + i] = Math.min(upper, Math.max(lower, point[i]! + reach * u));
      data[(2 * k + 1) * size + i] = Math.min(upper, Math.max(lower, point[i]! - reach * u));
    }
  const probes: FloatTensor = { type: "float32", dims: [2 * pairs, ...model.inputShape], data };
  const goals = takeGoal(goal, new Int32Array(2 * pairs).fill(row));
  const values = objective(await model.logits(probes, new Int32Array(2 * pairs).fill(sample)), goals, loss);
  const gradient = new Float64Array(size);
  let mean = 0;
  for (let k = 0; k < pairs; k++) {
    mean += (values[2 * k]! + values[2 * k + 1]!) / (2 * pairs);
    const slope = (values[2 * k]! - values[2 * k + 1]!) / (2 * reach * pairs);
    if (Number.isFinite(slope)) for (let i = 0; i < size; i++) gradient[i]! += slope * directions[k * size + i]!;
  }
  return { gradient, mean };
}
