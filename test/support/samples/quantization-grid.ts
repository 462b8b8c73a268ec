import type { Dim } from "../../../src/onnx/graph.ts";
import type { Ops } from "../../../src/onnx/ops.ts";
import { ARRAY_OF, type ElementType, product, type Tensor, tensor } from "../../../src/tensor.ts";
import type { Sample, SampleInput } from "../gradient-check.ts";

// Inputs stand on the grid of their scale, 1/16: there, values with and without rounding are the same.

export type Integers = "int8" | "uint8" | "int16" | "uint16" | "int32";
export type Named = Readonly<Record<string, string>>;

export const whole = (b: Ops, type: Integers, values: readonly number[], dims: readonly number[] = [values.length]) =>
  b.constant(tensor(type, dims, ARRAY_OF[type].from(values) as never) as Tensor<ElementType>);
export const zeroOf = (b: Ops, type: Integers, value: number) => whole(b, type, [value], []);
export const reals = (b: Ops, values: readonly number[], dims: readonly number[] = [values.length]) =>
  b.constant(tensor("float32", dims, Float32Array.from(values)));
export const real = (b: Ops, value: number) => reals(b, [value], []);

/** Multiples of 1/16 in [-1.5, 1.5], none twice in a row of 49. */
export const grid = (dims: readonly number[], declared: readonly Dim[] = dims) => ({
  dims,
  declared,
  values: Array.from({ length: product(dims) }, (_, i) => (((i * 11) % 49) - 24) / 16),
});

export const SCALE = 1 / 16;
/** x in bytes, of scale 1/16 and zero point 100. */
export const toBytes = (b: Ops, x: string) => b.add("QuantizeLinear", [x, real(b, SCALE), zeroOf(b, "uint8", 100)]);
export const fromBytes = (b: Ops, q: string) => b.add("DequantizeLinear", [q, real(b, SCALE), zeroOf(b, "uint8", 100)]);

/** One input of float32 on the grid. */
export const rounding = (
  name: string,
  opsets: readonly number[],
  x: SampleInput,
  build: (b: Ops, x: string) => string,
  smooth: (b: Ops, x: string) => string,
  distance = 1e-6,
): Sample => ({
  name,
  opsets,
  type: "float32",
  inputs: { x },
  build: (b, { x }: Named) => build(b, x!),
  surrogate: { build: (b, { x }: Named) => smooth(b, x!), rounding: distance },
});

export const identity = (_: Ops, x: string) => x;
/** x held between two bounds, each one for all or in a shape that meets x. */
export const held = (b: Ops, x: string, low: string, high: string) => b.add("Min", [b.add("Max", [x, low]), high]);
export const heldBetween = (low: number, high: number) => (b: Ops, x: string) =>
  held(b, x, real(b, low), real(b, high));

/** Values of which some saturate: those of 1/16·(q - zero) for q from -128 to 127. */

/** Small whole numbers. */
export const weights = (count: number): number[] => Array.from({ length: count }, (_, i) => ((i * 7) % 11) - 5);
