import type { Bounds } from "../../model.ts";

/**
 * A sparse step of steepest ascent in L1: moves `at`, by `length` in all and each by as much, along the signs of the `count`
 * steepest elements of `gradient`, and of those that are as steep as the last of them. An element that the bounds hold
 * back gets no share; the step may end outside the bounds. `scratch`: as many elements as `at` has.
 */
export function sparseStep(
  at: Float32Array,
  gradient: Float32Array,
  count: number,
  length: number,
  bounds: Bounds,
  scratch: Float32Array,
): void {
  for (let i = 0; i < at.length; i++) scratch[i] = steepness(gradient[i]!, at[i]!, bounds);
  scratch.sort();
  const threshold = scratch[at.length - count]!;
  let moving = 0;
  for (let i = 0; i < at.length; i++) {
    scratch[i] = steepness(gradient[i]!, at[i]!, bounds);
    if (scratch[i]! > 0 && scratch[i]! >= threshold) moving++;
  }
  const each = length / moving;
  for (let i = 0; i < at.length; i++)
    if (scratch[i]! > 0 && scratch[i]! >= threshold) at[i]! += gradient[i]! > 0 ? each : -each;
}

/** |g|, or 0 for an element that the box keeps from following it. */
const steepness = (g: number, at: number, { lower, upper }: Bounds): number =>
  g > 0 ? (at < upper ? g : 0) : g < 0 && at > lower ? -g : 0;
