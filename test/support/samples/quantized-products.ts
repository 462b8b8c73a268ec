import type { AttributeValue } from "../../../src/onnx/attributes.ts";
import type { Sample } from "../gradient-check.ts";
import {
  grid,
  type Named,
  real,
  reals,
  rounding,
  SCALE,
  toBytes,
  weights,
  whole,
  zeroOf,
} from "./quantization-grid.ts";

const less = (values: readonly number[], zero: number): number[] => values.map((v) => v - zero);

/** x in bytes times whole numbers less their zero points. */
const matMulInteger = (name: string, dims: readonly number[], zeros: { x?: boolean; w?: readonly number[] }): Sample =>
  rounding(
    name,
    [10, 13, 17],
    grid(dims, ["N", ...dims.slice(1)]),
    (b, x) => {
      const zero = zeros.x === false ? 0 : 100;
      const q = b.add("QuantizeLinear", [x, real(b, SCALE), zeroOf(b, "uint8", zero)]);
      const tail = [
        zero ? zeroOf(b, "uint8", zero) : "",
        ...(zeros.w ? [whole(b, "int8", zeros.w, zeros.w.length === 1 ? [] : undefined)] : []),
      ];
      const y = b.add("MatMulInteger", [q, whole(b, "int8", weights(12), [3, 4]), ...tail]);
      return b.mul(b.cast(y, "float32"), real(b, SCALE));
    },
    (b, x) => {
      const w = reals(
        b,
        weights(12).map((v, i) => v - (zeros.w?.[i % zeros.w.length] ?? 0)),
        [3, 4],
      );
      return b.matmul(zeros.x === false ? b.add("Max", [x, real(b, 0)]) : x, w);
    },
  );

/** Both factors differentiated. */
const products: Sample = {
  name: "both in bytes",
  opsets: [10, 17],
  type: "float32",
  inputs: { l: grid([2, 3]), r: grid([3, 2]) },
  build: (b, { l, r }: Named) => {
    const zero = zeroOf(b, "uint8", 100);
    const y = b.add("MatMulInteger", [toBytes(b, l!), toBytes(b, r!), zero, zero]);
    return b.mul(b.cast(y, "float32"), real(b, SCALE * SCALE));
  },
  surrogate: { build: (b, { l, r }: Named) => b.matmul(l!, r!), rounding: 1e-6 },
};

const convInteger = (name: string, attributes: Readonly<Record<string, AttributeValue>>, zeros: boolean): Sample =>
  rounding(
    name,
    [10, 13, 17],
    grid([2, 2, 5, 5], ["N", 2, 5, 5]),
    (b, x) => {
      const q = toBytes(b, x);
      const tail = [zeroOf(b, "uint8", 100), ...(zeros ? [zeroOf(b, "uint8", 3)] : [])];
      const y = b.add(
        "ConvInteger",
        [q, whole(b, "uint8", weights(36).map(Math.abs), [2, 2, 3, 3]), ...tail],
        attributes,
      );
      return b.mul(b.cast(y, "float32"), real(b, SCALE));
    },
    (b, x) => b.add("Conv", [x, reals(b, less(weights(36).map(Math.abs), zeros ? 3 : 0), [2, 2, 3, 3])], attributes),
  );

/** Rounds its result to multiples of `unit`: what follows then may be that far away. */
const qLinearConv = (
  name: string,
  options: { perChannel?: boolean; bias?: boolean; saturated?: boolean; attributes?: Record<string, AttributeValue> },
): Sample => {
  const { perChannel = false, bias = false, saturated = false, attributes = {} } = options;
  const factors = perChannel ? [0.25, 0.5] : [0.25, 0.25];
  return rounding(
    name,
    [10, 13, 17],
    grid([2, 2, 5, 5], ["N", 2, 5, 5]),
    (b, x) => {
      const w = whole(b, "int8", weights(36), [2, 2, 3, 3]);
      const scales = perChannel ? [reals(b, factors), whole(b, "int8", [0, 0])] : [real(b, 0.25), zeroOf(b, "int8", 0)];
      const tail = [
        real(b, 0.5),
        zeroOf(b, "uint8", saturated ? 0 : 128),
        ...(bias ? [whole(b, "int32", [40, -70])] : []),
      ];
      const y = b.add(
        "QLinearConv",
        [toBytes(b, x), real(b, SCALE), zeroOf(b, "uint8", 100), w, ...scales, ...tail],
        attributes,
      );
      return b.add("DequantizeLinear", [y, ...tail.slice(0, 2)]);
    },
    (b, x) => {
      const w = weights(36).map((v, i) => v * factors[i < 18 ? 0 : 1]!);
      const offset = bias ? [reals(b, [40 * SCALE * factors[0]!, -70 * SCALE * factors[1]!])] : [];
      const y = b.add("Conv", [x, reals(b, w, [2, 2, 3, 3]), ...offset], attributes);
      return saturated ? b.add("Max", [y, real(b, -0.25)]) : y;
    },
    0.2501,
  );
};

const qLinearMatMul = (name: string, perColumn: boolean): Sample =>
  rounding(
    name,
    [10, 13, 17, 21],
    grid([2, 3], ["N", 3]),
    (b, x) => {
      const tail = [real(b, 0.5), zeroOf(b, "uint8", 128)];
      const scales = perColumn
        ? [reals(b, [0.25, 0.5, 0.25, 0.5]), whole(b, "int8", [1, 1, 1, 1])]
        : [real(b, 0.25), zeroOf(b, "int8", 1)];
      const w = whole(b, "int8", weights(12), [3, 4]);
      const y = b.add("QLinearMatMul", [toBytes(b, x), real(b, SCALE), zeroOf(b, "uint8", 100), w, ...scales, ...tail]);
      return b.add("DequantizeLinear", [y, ...tail]);
    },
    (b, x) =>
      b.matmul(
        x,
        reals(
          b,
          less(weights(12), 1).map((v, i) => v * (perColumn && i % 2 ? 0.5 : 0.25)),
          [3, 4],
        ),
      ),
    0.2501,
  );

/** Products and convolutions of integers. */
export const quantizedProductSamples = {
  MatMulInteger: [
    matMulInteger("no zero points", [2, 3], { x: false }),
    matMulInteger("zero points", [2, 3], { w: [2] }),
    matMulInteger("a zero point a column", [2, 3], { w: [2, 1, 0, -1] }),
    matMulInteger("a batch", [2, 2, 3], { w: [2] }),
    products,
  ],
  ConvInteger: [
    convInteger("plain", {}, false),
    convInteger("padding, strides and zero points", { pads: [1, 1, 1, 1], strides: [2, 2] }, true),
  ],
  QLinearConv: [
    qLinearConv("plain", {}),
    qLinearConv("bias, padding, strides", { bias: true, attributes: { pads: [1, 1, 1, 1], strides: [2, 2] } }),
    qLinearConv("a scale a filter", { perChannel: true, bias: true }),
    qLinearConv("saturated below", { saturated: true }),
  ],
  QLinearMatMul: [qLinearMatMul("plain", false), qLinearMatMul("a scale a column", true)],
} satisfies Readonly<Record<string, readonly Sample[]>>;
