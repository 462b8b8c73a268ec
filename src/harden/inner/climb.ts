import { rowsOf } from "../../attacks/steps/nearest.ts";
import { steepest } from "../../attacks/steps/steering.ts";
import { stepper } from "../../attacks/steps/stepper.ts";
import type { InnerTask } from "../../harden.ts";
import type { Length } from "../../length.ts";
import { type FloatTensor, sampleSize } from "../../tensor.ts";

export interface ClimbOptions {
  readonly steps: number;
  /** Of a step. */
  readonly stepSize: Length;
}

/**
 * Projected steepest steps from a point: x' ← Π(x' + α·sign ∇) for L∞, the steepest step of length α in other norms. The last point is
 * kept, as those who train against it do: an attack that measures would keep the best one, at the cost of another forward pass.
 * @param gradientAt what is climbed
 */
export async function climb(
  { x, norm, epsilon, model, labels }: InnerTask,
  { steps, stepSize }: ClimbOptions,
  start: FloatTensor,
  gradientAt: (points: FloatTensor) => Promise<FloatTensor>,
): Promise<FloatTensor> {
  // Of a ball of one point, while ε has not begun to rise.
  if (epsilon === 0) return { ...x, data: x.data.slice() };
  const [count, size] = [x.dims[0]!, sampleSize(x)];
  const task = { x, norm, epsilon, model, goal: { kind: "untargeted", labels }, indices: labels, seed: 0 } as const;
  const step = stepper(task, { stepSize, optimizer: "sgd" }, steepest);
  let points = start;
  for (let t = 0; t < steps; t++) {
    const gradient = await gradientAt(points);
    const moved = new Float32Array(x.data.length);
    for (let row = 0; row < count; row++) {
      const part = (values: Float32Array) => values.subarray(row * size, (row + 1) * size);
      step(part(moved), part(points.data), part(gradient.data), row, t);
    }
    points = { ...x, data: moved };
  }
  return points;
}

/** The gradient of the cross-entropy by the points: what most methods climb. */
export const ofCrossEntropy =
  ({ model, labels }: InnerTask) =>
  async (points: FloatTensor): Promise<FloatTensor> =>
    (await model.gradient(points, { kind: "untargeted", labels })).gradient;

/** A point for each sample, drawn uniformly from the ball; it may leave the bounds. */
export function uniformPoint({ x, norm, epsilon, random }: InnerTask): FloatTensor {
  if (epsilon === 0) return { ...x, data: x.data.slice() };
  const points: FloatTensor = { ...x, data: new Float32Array(x.data.length) };
  const [point, original] = [rowsOf(points), rowsOf(x)];
  for (let i = 0; i < x.dims[0]!; i++) norm.uniform(point(i), original(i), epsilon, random(i));
  return points;
}

/** A point for each sample, drawn uniformly from the ball, moved into the bounds. */
export function uniformStart(task: InnerTask): FloatTensor {
  const { x, norm, epsilon, model } = task;
  const points = uniformPoint(task);
  if (epsilon === 0) return points;
  const [point, original] = [rowsOf(points), rowsOf(x)];
  for (let i = 0; i < x.dims[0]!; i++) norm.project(point(i), original(i), epsilon, model.bounds);
  return points;
}

/** Numbers drawn uniformly from ±width, in the shape of x: of each sample its own. */
export function uniformNoise(x: FloatTensor, width: number, random: InnerTask["random"]): Float32Array {
  const size = sampleSize(x);
  const noise = new Float32Array(x.data.length);
  for (let i = 0; i < x.dims[0]!; i++) {
    const draws = random(i);
    for (let j = i * size; j < (i + 1) * size; j++) noise[j] = width * (2 * draws.uniform() - 1);
  }
  return noise;
}
