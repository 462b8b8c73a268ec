import type { AttributeValue } from "../../../src/onnx/attributes.ts";
import type { Ops } from "../../../src/onnx/ops.ts";
import { tensor } from "../../../src/tensor.ts";
import { contrib, type Sample } from "../gradient-check.ts";
import { pair, perAxis, perTensor, wide } from "./quantization.ts";
import {
  grid,
  heldBetween,
  real,
  reals,
  rounding,
  SCALE,
  toBytes,
  weights,
  whole,
  zeroOf,
} from "./quantization-grid.ts";

const bytesOf = (b: Ops) => [real(b, SCALE), zeroOf(b, "uint8", 100)] as const;
/** Results in steps of 1/32 around 0. */
const resultOf = (b: Ops) => [real(b, 1 / 32), zeroOf(b, "uint8", 128)] as const;
const fromResult = (b: Ops, y: string) => b.add("DequantizeLinear", [y, ...resultOf(b)]);
const HALF_STEP = 1 / 64 + 1e-6;

type Attributes = Readonly<Record<string, AttributeValue>>;

/** An operator of one value. */
const ofOne = (
  name: string,
  op: string,
  dims: readonly number[],
  smooth: (b: Ops, x: string) => string,
  attributes: Attributes = {},
  opsets: readonly number[] = [11, 13, 17, 18],
): Sample =>
  rounding(
    name,
    opsets,
    grid(dims, ["N", ...dims.slice(1)]),
    (b, x) => fromResult(b, contrib(b, op, [toBytes(b, x), ...bytesOf(b), ...resultOf(b)], attributes)[0]!),
    smooth,
    HALF_STEP,
  );

const ofTwo = (op: "Add" | "Mul", left: readonly number[], right: readonly number[]): Sample => ({
  name: `[${left}] and [${right}]`,
  opsets: [11, 13, 17],
  type: "float32",
  inputs: { l: grid(left), r: grid(right) },
  build: (b, { l, r }: Readonly<Record<string, string>>) =>
    fromResult(
      b,
      contrib(b, `QLinear${op}`, [toBytes(b, l!), ...bytesOf(b), toBytes(b, r!), ...bytesOf(b), ...resultOf(b)])[0]!,
    ),
  surrogate: { build: (b, { l, r }: Readonly<Record<string, string>>) => b.add(op, [l!, r!]), rounding: HALF_STEP },
});

const gemm = (
  name: string,
  options: { transA?: 1; transB?: 1; real?: true; bias?: true; perColumn?: true; alpha?: number },
): Sample => {
  const { transA = 0, transB = 0, alpha = 1, bias = false, perColumn = false } = options;
  const scales = Array.from({ length: 4 }, (_, i) => (perColumn && i % 2 ? 0.125 : 0.0625));
  return rounding(
    name,
    [11, 13, 17],
    grid(transA ? [3, 2] : [2, 3]),
    (b, x) => {
      const w = whole(b, "int8", weights(12), transB ? [4, 3] : [3, 4]);
      const scale = perColumn
        ? [reals(b, scales), whole(b, "int8", [0, 0, 0, 0])]
        : [real(b, 0.0625), zeroOf(b, "int8", 0)];
      const c = bias ? whole(b, "int32", [16, -32, 48, 8]) : "";
      const tail = options.real ? [] : resultOf(b);
      const inputs = [toBytes(b, x), ...bytesOf(b), w, ...scale, c, ...tail];
      const [y] = contrib(b, "QGemm", inputs, { transA, transB, alpha: { float: alpha } });
      return options.real ? y! : fromResult(b, y!);
    },
    (b, x) => {
      const w = weights(12).map((v, i) => alpha * v * scales[transB ? Math.floor(i / 3) : i % 4]!);
      const matrix = reals(b, w, transB ? [4, 3] : [3, 4]);
      const y = b.matmul(transA ? b.swap(x) : x, transB ? b.swap(matrix) : matrix);
      return bias
        ? b.plus(
            y,
            reals(
              b,
              [16, -32, 48, 8].map((v, i) => v * alpha * SCALE * scales[i]!),
            ),
          )
        : y;
    },
    HALF_STEP,
  );
};

/** With a range of 255/64, whose scale of 1/64 puts every value on the grid. */
const dynamicMatMul = (name: string, perColumn: boolean, bias: boolean): Sample =>
  rounding(
    name,
    [11, 17],
    { dims: [2, 3], declared: ["N", 3], values: [-2, 0.5, -0.25, 127 / 64, 1, 0.75] },
    (b, x) => {
      const scale = perColumn
        ? [reals(b, [0.25, 0.5, 0.25, 0.5]), whole(b, "int8", [1, 1, 1, 1])]
        : [real(b, 0.25), zeroOf(b, "int8", 1)];
      const w = whole(b, "int8", weights(12), [3, 4]);
      return contrib(b, "DynamicQuantizeMatMul", [x, w, ...scale, ...(bias ? [reals(b, [1, 2, 3, 4])] : [])])[0]!;
    },
    (b, x) => {
      const w = weights(12).map((v, i) => (v - 1) * (perColumn && i % 2 ? 0.5 : 0.25));
      const y = b.matmul(x, reals(b, w, [3, 4]));
      return bias ? b.plus(y, reals(b, [1, 2, 3, 4])) : y;
    },
    1e-5,
  );

const integerToFloat = (name: string, perColumn: boolean, bias: boolean): Sample =>
  rounding(
    name,
    [11, 17],
    grid([2, 3], ["N", 3]),
    (b, x) => {
      const scale = perColumn ? reals(b, [0.25, 0.5, 0.25, 0.5]) : real(b, 0.25);
      const zero = perColumn ? whole(b, "int8", [1, 1, 1, 1]) : zeroOf(b, "int8", 1);
      const w = whole(b, "int8", weights(12), [3, 4]);
      const inputs = [toBytes(b, x), w, real(b, SCALE), scale, zeroOf(b, "uint8", 100), zero];
      return contrib(b, "MatMulIntegerToFloat", [...inputs, ...(bias ? [reals(b, [1, 2, 3, 4])] : [])])[0]!;
    },
    (b, x) => {
      const w = weights(12).map((v, i) => (v - 1) * (perColumn && i % 2 ? 0.5 : 0.25));
      const y = b.matmul(x, reals(b, w, [3, 4]));
      return bias ? b.plus(y, reals(b, [1, 2, 3, 4])) : y;
    },
    1e-5,
  );

const concat: Sample = {
  name: "three",
  opsets: [11, 17],
  type: "float32",
  inputs: { l: grid([2, 3]), r: grid([2, 2]) },
  build: (b, { l, r }: Readonly<Record<string, string>>) => {
    const parts = [l!, r!, l!].flatMap((x) => [toBytes(b, x), ...bytesOf(b)]);
    return fromResult(b, contrib(b, "QLinearConcat", [...resultOf(b), ...parts], { axis: 1 })[0]!);
  },
  surrogate: {
    build: (b, { l, r }: Readonly<Record<string, string>>) => b.add("Concat", [l!, r!, l!], { axis: 1 }),
    rounding: HALF_STEP,
  },
};

const choose = (b: Ops) => b.constant(tensor("bool", [3], Uint8Array.of(1, 0, 1)));
const choice: Sample = {
  name: "broadcast",
  opsets: [11, 17],
  type: "float32",
  inputs: { l: grid([2, 3]), r: grid([2, 1]) },
  build: (b, { l, r }: Readonly<Record<string, string>>) => {
    const inputs = [choose(b), toBytes(b, l!), ...bytesOf(b), toBytes(b, r!), ...bytesOf(b), ...resultOf(b)];
    return fromResult(b, contrib(b, "QLinearWhere", inputs)[0]!);
  },
  surrogate: {
    build: (b, { l, r }: Readonly<Record<string, string>>) => b.where(choose(b), l!, r!),
    rounding: HALF_STEP,
  },
};

const pool: Attributes = { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] };
const includePad: Attributes = { ...pool, count_include_pad: 1 };

const wider = { ...wide, values: [-9000, -0.75, 0.5, 3, 200.5, 4500] };

/** Lowerings of ONNX Runtime's operators on quantised values. */
export const microsoftQuantizationSamples = {
  QuantizeLinear: [
    ...perTensor("pair", "com.microsoft", [11, 13, 17]),
    rounding("int16", [11, 17], wider, pair(7, "int16", "com.microsoft"), heldBetween(-32775 / 16, 2047.5)),
    rounding("uint16", [11, 17], wider, pair(41, "uint16", "com.microsoft"), heldBetween(-41 / 16, 65494 / 16)),
    perAxis(0, 3, [3, 1, 1], "com.microsoft"),
  ],
  DequantizeLinear: perTensor("pair", "com.microsoft", [11, 17]),
  QLinearAdd: [ofTwo("Add", [2, 3], [2, 3]), ofTwo("Add", [2, 3], [3])],
  QLinearMul: [ofTwo("Mul", [2, 3], [2, 3]), ofTwo("Mul", [2, 3], [2, 1])],
  QLinearSigmoid: [ofOne("plain", "QLinearSigmoid", [2, 5], (b, x) => b.add("Sigmoid", [x]))],
  QLinearLeakyRelu: [
    ofOne(
      "steep",
      "QLinearLeakyRelu",
      [2, 5],
      (b, x) => b.plus(b.mul(x, real(b, 0.25)), b.mul(b.add("Relu", [x]), real(b, 0.75))),
      { alpha: { float: 0.25 } },
    ),
  ],
  QLinearSoftmax: [
    ofOne("last axis", "QLinearSoftmax", [2, 5], (b, x) => b.add("Softmax", [x], { axis: 1 }), { axis: -1, opset: 13 }),
    ofOne(
      "an axis between",
      "QLinearSoftmax",
      [2, 3, 2],
      (b, x) => b.add("Softmax", [x], { axis: 1 }),
      { axis: 1, opset: 13 },
      [13, 17],
    ),
    ofOne(
      "all axes from one on",
      "QLinearSoftmax",
      [2, 3, 2],
      (b, x) => b.add("Softmax", [x], { axis: 1 }),
      { axis: 1, opset: 11 },
      [11],
    ),
  ],
  QLinearAveragePool: [
    ofOne("padding", "QLinearAveragePool", [2, 2, 5, 5], (b, x) => b.add("AveragePool", [x], pool), pool),
    ofOne(
      "padding counted",
      "QLinearAveragePool",
      [2, 2, 5, 5],
      (b, x) => b.add("AveragePool", [x], includePad),
      includePad,
    ),
  ],
  QLinearGlobalAveragePool: [
    ofOne("plain", "QLinearGlobalAveragePool", [2, 2, 4, 4], (b, x) => b.add("GlobalAveragePool", [x])),
  ],
  QLinearConcat: [concat],
  QLinearWhere: [choice],
  QGemm: [
    gemm("plain", {}),
    gemm("bias and alpha", { bias: true, alpha: 0.5 }),
    gemm("transposed", { transA: 1, transB: 1 }),
    gemm("a scale a column", { perColumn: true, transB: 1, bias: true }),
    gemm("real numbers", { real: true, bias: true }),
  ],
  DynamicQuantizeMatMul: [dynamicMatMul("plain", false, false), dynamicMatMul("a scale a column, bias", true, true)],
  MatMulIntegerToFloat: [integerToFloat("plain", false, false), integerToFloat("a scale a column, bias", true, true)],
} satisfies Readonly<Record<string, readonly Sample[]>>;
