import type { Bounds } from "../../model.ts";
import { type FloatTensor, tensor } from "../../tensor.ts";

/** Every x between two ends, for each of n samples [n, ...], and one x in between. */
export interface Box {
  readonly centre: FloatTensor;
  readonly lower: FloatTensor;
  readonly upper: FloatTensor;
}

/** Float32 numbers next to a float64 one: that not above it, and that not below. */
export function around(value: number): readonly [number, number] {
  const near = Math.fround(value);
  return [near > value ? nextBelow(near) : near, near < value ? -nextBelow(-near) : near];
}

/** A float32 number half way between two others, or one of them. */
export const middle = (lower: number, upper: number): number =>
  Math.min(upper, Math.max(lower, Math.fround(lower + (upper - lower) / 2)));

/** The next smaller float32 number. */
export function nextBelow(value: number): number {
  if (value === 0) return -(2 ** -149);
  const float = Float32Array.of(value);
  const bits = new Int32Array(float.buffer);
  bits[0]! += value > 0 ? -1 : 1;
  return float[0]!;
}

/**
 * The L∞ ball of radius ε around each sample, inside the bounds of the pixels. Its ends are rounded outwards, so that it holds whatever a
 * float32 attack holds.
 */
export function ball(x: FloatTensor, epsilon: number, { lower, upper }: Bounds): Box {
  const ends = Array.from(x.data as Float32Array, (v): readonly [number, number] => [
    Math.max(lower, Math.min(around(v - epsilon)[0], Math.fround(v - Math.fround(epsilon)))),
    Math.min(upper, Math.max(around(v + epsilon)[1], Math.fround(v + Math.fround(epsilon)))),
  ]);
  const side = (i: 0 | 1) =>
    tensor(
      "float32",
      x.dims,
      Float32Array.from(ends, (pair) => pair[i]),
    );
  return { centre: x, lower: side(0), upper: side(1) };
}
