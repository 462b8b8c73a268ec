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
  const size = sampleSize(x);
  const data = new Float32Array(x.data.length);
  for (let i = 0; i < x.dims[0]!; i++) {
    const point = data.subarray(i * size, (i + 1) * size);
    const original = x.data.subarray(i * size, (i + 1) * size);
    norm.uniform(point, original, epsilon, random(i));
  }
  return { ...x, data };
}

/** A point for each sample, drawn uniformly from the ball, moved into the bounds. */
export function uniformStart(task: InnerTask): FloatTensor {
  const { x, norm, epsilon, model } = task;
  const points = uniformPoint(task);
  if (epsilon === 0) return points;
  const size = sampleSize(x);
  for (let i = 0; i < x.dims[0]!; i++) {
    const row = (values: Float32Array) => values.subarray(i * size, (i + 1) * size);
    norm.project(row(points.data), row(x.data), epsilon, model.bounds);
  }
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
