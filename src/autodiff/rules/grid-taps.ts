import type { Ops } from "../../onnx/ops.ts";
import { tensor } from "../../tensor.ts";
import { asTypeOf } from "./selection.ts";

/** The pixels that a point takes along one axis: weights polynomial in the distance |point - pixel|, highest power first. */
interface Kernel {
  readonly offsets: readonly number[];
  readonly polynomials: readonly (readonly [number, number, number, number])[];
}

const inner = (a: number) => [a + 2, -(a + 3), 0, 1] as const;
const outer = (a: number) => [a, -5 * a, 8 * a, -4 * a] as const;
export const NEAREST: Kernel = { offsets: [0], polynomials: [[0, 0, 0, 1]] };
const LINEAR: Kernel = {
  offsets: [0, 1],
  polynomials: [
    [0, 0, -1, 1],
    [0, 0, -1, 1],
  ],
};
/** Keys 1981, https://doi.org/10.1109/TASSP.1981.1163711, with the coefficient that ONNX and PyTorch fix. */
const CUBIC: Kernel = { offsets: [-1, 0, 1, 2], polynomials: [outer(-0.75), inner(-0.75), inner(-0.75), outer(-0.75)] };

export const KERNELS: Readonly<Record<string, Kernel>> = {
  nearest: NEAREST,
  bilinear: LINEAR,
  linear: LINEAR,
  bicubic: CUBIC,
  cubic: CUBIC,
};

/** How GridSample reads an image. */
export interface Sampling {
  readonly kernel: Kernel;
  readonly padding: string;
  readonly alignCorners: boolean;
}

/** What the points take along one axis, each [N, points, pixels]: which pixels, how much, and its derivative by the grid. */
export interface Taps {
  readonly pixels: string;
  readonly weights: string;
  readonly derivatives: string;
}

/** Each step as ONNX Runtime takes it, so that no point falls into another cell. */
export function tapsOf(b: Ops, grid: string, size: number, { kernel, padding, alignCorners }: Sampling): Taps {
  const scalar = (value: number) => b.scalar(value, grid);
  const shifted = b.plus(grid, scalar(1));
  const where = alignCorners
    ? b.mul(b.div(shifted, scalar(2)), scalar(size - 1))
    : b.div(b.sub(b.mul(shifted, scalar(size)), scalar(1)), scalar(2));
  const linear = kernel === LINEAR;
  const point = linear ? bend(b, where, size, padding, alignCorners) : where;
  const first = b.add(kernel === NEAREST ? "Round" : "Floor", [point]);
  const list = (values: readonly number[]) =>
    asTypeOf(b, b.constant(tensor("float32", [values.length], Float32Array.from(values))), grid);
  const pixels = b.plus(first, list(kernel.offsets));
  const distance = b.add("Abs", [b.sub(point, pixels)]);
  const power = (i: number, factor = 1) => list(kernel.polynomials.map((p) => p[i]! * factor));
  const horner = (terms: readonly string[]) => terms.reduce((sum, term) => b.plus(b.mul(sum, distance), term));
  const inside = padding === "zeros" && among(b, pixels, -1, size);
  const masked = (a: string) => (inside ? b.mul(a, inside) : a);
  const grows = list(kernel.offsets.map((offset) => (offset <= 0 ? 1 : -1)));
  const slope = b.mul(horner([power(0, 3), power(1, 2), power(2)]), grows);
  const scale = scalar((alignCorners ? size - 1 : size) / 2);
  const rate = linear && padding !== "zeros" ? b.mul(bendRate(b, where, size, padding, alignCorners), scale) : scale;
  return {
    pixels: clamp(b, linear ? pixels : bend(b, pixels, size, padding, alignCorners), size),
    weights: masked(horner([0, 1, 2, 3].map((i) => power(i)))),
    derivatives: masked(b.mul(slope, rate)),
  };
}

const clamp = (b: Ops, a: string, size: number): string => b.add("Clip", [a, b.scalar(0, a), b.scalar(size - 1, a)]);

/** 1 where low < a < high, else 0. */
const among = (b: Ops, a: string, low: number, high: number): string =>
  asTypeOf(b, b.add("And", [b.add("Greater", [a, b.scalar(low, a)]), b.add("Less", [a, b.scalar(high, a)])]), a);

/** Positions brought back into the image, where padding does so. */
function bend(b: Ops, a: string, size: number, padding: string, alignCorners: boolean): string {
  if (padding === "zeros") return a;
  return clamp(b, padding === "reflection" ? reflect(b, a, size, alignCorners).position : a, size);
}

/** The derivative of `bend`. */
function bendRate(b: Ops, a: string, size: number, padding: string, alignCorners: boolean): string {
  if (padding === "border") return among(b, a, 0, size - 1);
  const { position, rate } = reflect(b, a, size, alignCorners);
  return b.mul(rate, among(b, position, 0, size - 1));
}

/** Reflected at the borders until inside: there and back over a period of twice the length. */
function reflect(b: Ops, a: string, size: number, alignCorners: boolean): { position: string; rate: string } {
  const scalar = (value: number) => b.scalar(value, a);
  const [low, length] = alignCorners ? [0, size - 1] : [-0.5, size];
  const from = b.sub(a, scalar(low));
  const far = b.add("Abs", [from]);
  const period = scalar(2 * length);
  const rest = b.sub(far, b.mul(period, b.add("Floor", [b.div(far, period)])));
  const back = b.add("Greater", [rest, scalar(length)]);
  return {
    position: b.plus(b.where(back, b.sub(period, rest), rest), scalar(low)),
    rate: b.mul(b.add("Sign", [from]), b.where(back, scalar(-1), scalar(1))),
  };
}
