import type { CropRounding, Interpolation } from "./preprocessing.ts";

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Bits behind the point of Pillow's weights: 32 less 8 for the pixel and 2 for sums beyond 1. */
export const BITS = 22;

const cubic = (a: number) => (distance: number) => {
  const x = Math.abs(distance);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
};
const sinc = (x: number) => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));
const linear = (x: number) => Math.max(0, 1 - Math.abs(x));
const lanczos = (x: number) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0);

export interface Filter {
  readonly support: number;
  readonly at: (x: number) => number;
}
export const FILTERS: Readonly<Record<Exclude<Interpolation, "nearest">, Filter>> = {
  bilinear: { support: 1, at: linear },
  bicubic: { support: 2, at: cubic(-0.5) },
  lanczos: { support: 3, at: lanczos },
};
/** Those of torch.nn.functional.interpolate, which differ for bicubic. */
export const POINTWISE: typeof FILTERS = { ...FILTERS, bicubic: { support: 2, at: cubic(-0.75) } };

/** For each place of a smaller or larger row: the first pixel that counts, and the weights from there on. */
export interface Weights {
  readonly from: Int32Array;
  readonly values: readonly Float64Array[];
}

/** As Pillow: the filter is as wide as what a place covers, cut at the edges, and its weights sum to 1. */
function coveringWeights(size: number, wanted: number, { support, at }: Filter): Weights {
  const scale = size / wanted;
  const wide = Math.max(1, scale);
  const reach = support * wide;
  const from = new Int32Array(wanted);
  const values = Array.from({ length: wanted }, (_, k) => {
    const center = (k + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - reach + 0.5));
    const last = Math.min(size, Math.trunc(center + reach + 0.5));
    from[k] = first;
    const inverse = 1 / wide;
    const weights = Float64Array.from({ length: last - first }, (_, i) => at((i + first - center + 0.5) * inverse));
    const sum = weights.reduce((a, b) => a + b, 0);
    return sum === 0 ? weights : weights.map((w) => w / sum);
  });
  return { from, values };
}

/** As torch: the pixels around a point, those at the edge repeated beyond it. */
export function pointWeights(size: number, wanted: number, { support, at }: Filter): Weights {
  const scale = size / wanted;
  const from = new Int32Array(wanted);
  const values = Array.from({ length: wanted }, (_, k) => {
    const center = (k + 0.5) * scale - 0.5;
    const first = Math.floor(center) - support + 1;
    const inside = (i: number) => Math.min(size - 1, Math.max(0, i));
    from[k] = inside(first);
    const weights = new Float64Array(inside(first + 2 * support - 1) - from[k]! + 1);
    for (let i = first; i < first + 2 * support; i++) weights[inside(i) - from[k]!]! += at(i - center);
    return weights;
  });
  return { from, values };
}

/** As Pillow's, in whole numbers of 2^-BITS. */
export function fixedWeights(size: number, wanted: number, filter: Filter): Weights {
  const { from, values } = coveringWeights(size, wanted, filter);
  return { from, values: values.map((list) => list.map((w) => Math.trunc(w * 2 ** BITS + (w < 0 ? -0.5 : 0.5)))) };
}

/** Sums of steps, as Pillow's: products would round otherwise. */
export function places(size: number, wanted: number): Int32Array {
  const step = size / wanted;
  const found = new Int32Array(wanted);
  for (let k = 0, at = step * 0.5; k < wanted; k++, at += step) found[k] = Math.min(size - 1, Math.trunc(at));
  return found;
}

/** Whether Pillow resizes columns of pixels before rows: since version 13; before, rows came first, and single bytes differ by one. */
export const isHeightFirst = (from: Size, to: Size): boolean => {
  const [less, narrower] = [from.height - to.height, from.width - to.width];
  return less > 0 && less > 2 * narrower;
};

/** Where torchvision's center_crop begins; below 0 where the picture is smaller, which it lays on black. */
export const cropStart = (size: number, wanted: number, rounding: CropRounding = "even"): number => {
  const half = (Math.max(size, wanted) - wanted) / 2;
  // One pixel more to the right and below where the difference is odd.
  return (rounding === "down" ? Math.floor(half) : halfToEven(half)) - Math.max(0, Math.floor((wanted - size) / 2));
};

/** Rounded as torch and Python round. */
export function halfToEven(v: number): number {
  const down = Math.floor(v);
  const rest = v - down;
  return rest < 0.5 || (rest === 0.5 && down % 2 === 0) ? down : down + 1;
}

/** The size that torchvision's Resize gives a picture: both sides, or the shorter one by its number. */
export function resizedTo(
  { width, height }: Size,
  size: number | readonly [number, number],
): readonly [width: number, height: number] {
  if (typeof size !== "number") return [size[1], size[0]];
  const long = Math.trunc((size * Math.max(width, height)) / Math.min(width, height));
  return width <= height ? [size, long] : [long, size];
}
