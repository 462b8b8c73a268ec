import type { AttackTask } from "../../attack.ts";
import type { Model } from "../../model.ts";
import type { Box } from "../../norm.ts";
import { type FloatTensor, sampleSize } from "../../tensor.ts";

/** The nearest adversarial point of each sample so far. */
export interface Nearest {
  /** In float64; Infinity while none is known, 0 where x itself reaches the goal. */
  readonly distances: Float64Array;
  /** The samples that may still get nearer: all but those at distance 0. */
  readonly open: () => number[];
  /** The samples without an adversarial point. */
  readonly missing: () => number[];
  /** Takes `point`, known to be adversarial, for sample `row` where it is the nearest yet. */
  readonly offer: (row: number, point: Float32Array) => void;
  /** The nearest point of a sample, as a view; x where none is known. */
  readonly point: (row: number) => Float32Array;
  /** What least-change attacks propose: for each ε the nearest point, or, where it lies outside the ball, its projection. */
  readonly candidates: () => FloatTensor[];
}

/** Keeps the nearest adversarial points of a batch. */
export function nearest({ x, norm, epsilons, model }: AttackTask<Model>): Nearest {
  const points = x.data.slice();
  const distances = new Float64Array(x.dims[0]!).fill(Number.POSITIVE_INFINITY);
  const original = rowsOf(x);
  return {
    distances,
    open: () => [...distances.keys()].filter((row) => distances[row]! > 0),
    missing: () => [...distances.keys()].filter((row) => distances[row] === Number.POSITIVE_INFINITY),
    offer(row, point) {
      const distance = norm.distance(point, original(row));
      if (!(distance < distances[row]!)) return;
      distances[row] = distance;
      points.set(point, row * point.length);
    },
    point: rowsOf({ ...x, data: points }),
    candidates: () =>
      epsilons.map((epsilon) => {
        const candidates: FloatTensor = { type: "float32", dims: x.dims, data: points.slice() };
        const candidate = rowsOf(candidates);
        for (const [row, distance] of distances.entries())
          if (distance > epsilon) norm.project(candidate(row), original(row), epsilon, model.bounds);
        return candidates;
      }),
  };
}

/** The elements of sample i of a batch, as a view. */
export function rowsOf(t: FloatTensor): (i: number) => Float32Array {
  const size = sampleSize(t);
  return (i) => t.data.subarray(i * size, (i + 1) * size);
}

/** The corner of the box farthest from x. */
export const farthest = (x: Float32Array, { lower, upper }: Box): Float32Array =>
  x.map((v) => (v - lower > upper - v ? lower : upper));

/** From `first` at t = 0 to `last` at t = 1 along half a cosine. */
export const cosine = (first: number, last: number, t: number): number =>
  last + ((first - last) * (1 + Math.cos(Math.PI * t))) / 2;
