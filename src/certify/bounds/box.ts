import type { Bounds } from "../../model.ts";
import { type NormName, type Pixels, pixelsOf } from "../../norm.ts";
import { type FloatTensor, tensor } from "../../tensor.ts";

/** Every x between two ends, for each of n samples [n, ...], and one x in between. */
export interface Box {
  readonly centre: FloatTensor;
  readonly lower: FloatTensor;
  readonly upper: FloatTensor;
  /** With it, those x alone that are in the ball around the centre, too. */
  readonly ball?: Ball;
}

/** The norms of which bounds know the ball; that of L∞ is a box. */
export type BallNorm = Exclude<NormName, "linf" | "spatial">;

/** Every x at most so far from each sample. */
export interface Ball {
  readonly norm: BallNorm;
  /** One for each sample. In L0, a whole number of pixels, or of elements where there are no pixels. */
  readonly radii: Float64Array;
  /** What L0 counts. Null where it counts elements. */
  readonly pixels: Pixels | null;
}

/** Float32 numbers next to a float64 one: that not above it, and that not below. */
export function around(value: number): readonly [number, number] {
  const near = Math.fround(value);
  return [near > value ? nextBelow(near) : near, near < value ? -nextBelow(-near) : near];
}

/** A float32 number half way between two others, or one of them. */
export const middle = (lower: number, upper: number): number =>
  Math.min(upper, Math.max(lower, Math.fround(lower + (upper - lower) / 2)));

/** A number moved between two others by a share of their distance, to where what has this slope rises; a negative share, to where it falls. */
export const stepped = (value: number, slope: number, share: number, lower: number, upper: number): number =>
  Math.min(upper, Math.max(lower, Math.fround(value + Math.sign(slope) * share * (upper - lower))));

/** The next smaller float32 number. */
export function nextBelow(value: number): number {
  if (value === 0) return -(2 ** -149);
  FLOAT[0] = value;
  BITS[0]! += value > 0 ? -1 : 1;
  return FLOAT[0]!;
}
const FLOAT = new Float32Array(1);
const BITS = new Int32Array(FLOAT.buffer);

/**
 * The ball of radius ε around each sample, inside the bounds of the pixels. It is widened by all that float32 rounds, so that it holds whatever
 * a float32 attack holds. In L0, ε counts pixels of several channels, or else elements, as in `normFor`; of a fraction, the whole part counts.
 * @param x [n, ...]
 */
export function ball(x: FloatTensor, epsilon: number, bounds: Bounds, norm: BallNorm | "linf" = "linf"): Box {
  if (norm === "linf") return boxAround(x, epsilon, bounds);
  const samples = x.dims[0]!;
  const size = x.data.length / samples;
  if (norm === "l0") {
    const { lower, upper } = boxAround(x, Number.POSITIVE_INFINITY, bounds);
    // What does not move stays where it is.
    for (const [i, value] of x.data.entries()) {
      lower.data[i] = Math.min(lower.data[i]!, value);
      upper.data[i] = Math.max(upper.data[i]!, value);
    }
    const radii = new Float64Array(samples).fill(Math.floor(epsilon));
    return { centre: x, lower, upper, ball: { norm, radii, pixels: pixelsOf(x.dims.slice(1)) } };
  }
  const inside = boxAround(x, epsilon, bounds);
  const radii = Float64Array.from({ length: samples }, (_, i) => {
    let [sum, squares] = [0, 0];
    for (let k = i * size; k < (i + 1) * size; k++) {
      const off = ROUNDED * Math.max(Math.abs(inside.lower.data[k]!), Math.abs(inside.upper.data[k]!)) + LEAST;
      sum += off;
      squares += off * off;
    }
    return epsilon * (1 + SHARE) + GRID + (norm === "l1" ? sum : Math.sqrt(squares)) * (1 + SHARE);
  });
  const widest = radii.reduce((most, radius) => Math.max(most, radius), 0);
  return { ...boxAround(x, widest, bounds), ball: { norm, radii, pixels: null } };
}

/** What rounding an element to float32 moves it by, as a share of its size, and at the least. */
const ROUNDED = 2 ** -24;
const LEAST = 2 ** -149;
/** More than sums of float64 over all elements of a sample are off by. */
const SHARE = 2 ** -30;
/** How far beyond ε an attack may move to a grid of values (`toGrid`). */
const GRID = 2 ** -23;

/** Ends at x ± ε, inside the bounds, rounded outwards. */
function boxAround(x: FloatTensor, epsilon: number, { lower, upper }: Bounds): Box {
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
