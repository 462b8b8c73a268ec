import type { Random } from "../random.ts";

/** `spatial` is no norm: its ε is a share of the largest rotation and translation. */
export type NormName = "linf" | "l2" | "l1" | "l0" | "spatial";

/** The values that an element may take. */
export interface Box {
  readonly lower: number;
  readonly upper: number;
}

/** One norm, as a value. Every function works on one sample, sums in float64, and changes nothing but `out`. */
export interface Norm {
  readonly name: NormName;
  /** The dual norm: its length of the gradient is the first-order rise per unit of ε. */
  readonly dual: NormName;
  /** Its length of a gradient, where it is no norm by that name. */
  readonly dualLength?: (g: Float32Array) => number;
  /** Elements that count as one, where ε counts pixels of several channels. */
  readonly channels?: number;
  /** ‖a - b‖ */
  distance(a: Float32Array, b: Float32Array): number;
  /** ‖v‖ */
  length(v: Float32Array): number;
  /**
   * The point of the ball around `x` nearest to `out` in the Euclidean sense, then moved into the box, which only brings
   * it nearer to `x`; into `out`.
   */
  project(out: Float32Array, x: Float32Array, epsilon: number, box: Box): void;
  /** The maximiser of ⟨g, x'⟩ over the ball around `x` cut by the box, into `out`: the exact first-order step. */
  ascend(out: Float32Array, x: Float32Array, g: Float32Array, epsilon: number, box: Box): void;
  /** A point drawn uniformly from the ball around `x` (not cut by any box), into `out`. */
  uniform(out: Float32Array, x: Float32Array, epsilon: number, random: Random): void;
}
