import type { Ops } from "../../src/onnx/ops.ts";
import type { Random } from "../../src/random.ts";
import { type FloatTensor, product, tensor } from "../../src/tensor.ts";

/** Elements of a value. */
export const SIZE = 4;
export const pick = <T>(random: Random, from: readonly T[]): T => from[random.integer(from.length)]!;
export const drawn = (random: Random, dims: readonly number[], scale: number): FloatTensor =>
  tensor(
    "float32",
    dims,
    Float32Array.from({ length: product(dims) }, () => scale * (2 * random.uniform() - 1)),
  );

/** Appends an operator to a value [N, 4]; `other` gives the second one of an operator that takes two. */
export type Step = (b: Ops, x: string, random: Random, other: () => string) => string;
const scalar = (b: Ops, x: string, v: number): string => b.scalar(v, x);
const vector = (b: Ops, random: Random): string => b.constant(drawn(random, [SIZE], 1));
export const dense = (b: Ops, x: string, random: Random): string =>
  b.plus(b.matmul(x, b.constant(drawn(random, [SIZE, SIZE], 0.8))), vector(b, random));
/** [N, 1, 4, 4] of a value, and back to [N, 4]. */
const picture = (b: Ops, x: string, random: Random): string =>
  b.reshape(b.matmul(x, b.constant(drawn(random, [SIZE, 16], 1))), [-1, 1, 4, 4]);
const flat = (b: Ops, x: string, random: Random): string => {
  const size = product(b.sizes(x, 1));
  return b.matmul(b.reshape(x, [-1, size]), b.constant(drawn(random, [size, SIZE], 1.5 / Math.sqrt(size))));
};
/** The square, a little above 0. */
const positive = (b: Ops, x: string, random: Random): string =>
  b.plus(b.mul(x, x), scalar(b, x, 0.3 + random.uniform()));
const single =
  (op: string, attributes = {}): Step =>
  (b, x) =>
    b.add(op, [x], attributes);
const afterPositive =
  (step: Step): Step =>
  (b, x, random, other) =>
    step(b, positive(b, x, random), random, other);
const withOther =
  (op: string): Step =>
  (b, x, _, other) =>
    b.add(op, [x, other()]);
const power =
  (p: number): Step =>
  (b, x) =>
    b.add("Pow", [x, scalar(b, x, p)]);

/** Each operator that has bounds, in one way at least. */
export const steps: Readonly<Record<string, Step>> = {
  Relu: single("Relu"),
  LeakyRelu: single("LeakyRelu", { alpha: { float: 0.2 } }),
  PRelu: (b, x, random) => b.add("PRelu", [x, vector(b, random)]),
  Abs: single("Abs"),
  Clip: (b, x) => b.add("Clip", [x, scalar(b, x, -0.5), scalar(b, x, 0.7)]),
  HardSigmoid: single("HardSigmoid"),
  Sigmoid: single("Sigmoid"),
  Tanh: single("Tanh"),
  Erf: single("Erf"),
  Softplus: single("Softplus"),
  Softsign: single("Softsign"),
  Elu: single("Elu"),
  Celu: single("Celu", { alpha: { float: 0.7 } }),
  Selu: single("Selu"),
  Gelu: single("Gelu"),
  "Gelu by tanh": single("Gelu", { approximate: "tanh" }),
  Mish: single("Mish"),
  HardSwish: single("HardSwish"),
  Exp: (b, x) => b.exp(b.mul(x, scalar(b, x, 0.5))),
  Log: afterPositive(single("Log")),
  Sqrt: afterPositive(single("Sqrt")),
  Reciprocal: afterPositive(single("Reciprocal")),
  Sin: single("Sin"),
  Cos: single("Cos"),
  "Pow 2": power(2),
  "Pow 3": power(3),
  "Pow -1.5": afterPositive(power(-1.5)),
  Floor: (b, x) => b.add("Floor", [b.mul(x, scalar(b, x, 3))]),
  Ceil: (b, x) => b.add("Ceil", [b.mul(x, scalar(b, x, 3))]),
  Round: (b, x) => b.add("Round", [b.mul(x, scalar(b, x, 3))]),
  Sign: single("Sign"),
  Mul: withOther("Mul"),
  Max: withOther("Max"),
  Min: withOther("Min"),
  "Max of three and a constant": (b, x, random, other) =>
    b.add("Max", [x, other(), vector(b, random), dense(b, x, random)]),
  "Min with a constant": (b, x, random) => b.add("Min", [vector(b, random), x]),
  Square: (b, x) => b.mul(x, x),
  Div: (b, x, random, other) => b.div(other(), positive(b, x, random)),
  "Div of a constant": afterPositive((b, x, random) => b.div(vector(b, random), x)),
  Sum: (b, x, _, other) => b.add("Sum", [x, other(), x]),
  Mean: (b, x, random, other) => b.add("Mean", [x, other(), vector(b, random)]),
  "Mul, broadcast": (b, x) => b.mul(x, b.slice(x, [1], [1], [2])),
  "Max, broadcast": (b, x) => b.add("Max", [b.slice(x, [1], [0], [1]), x]),
  MatMul: (b, x, _, other) => {
    const [l, r] = [b.reshape(x, [-1, 2, 2]), b.reshape(other(), [-1, 2, 2])];
    return b.reshape(b.matmul(l, r), [-1, SIZE]);
  },
  Softmax: (b, x) => b.add("Softmax", [b.mul(x, scalar(b, x, 2))]),
  LogSoftmax: single("LogSoftmax"),
  "Softmax of an axis in the middle": (b, x) =>
    b.reshape(b.add("Softmax", [b.reshape(x, [-1, 2, 2])], { axis: 1 }), [-1, SIZE]),
  ReduceMax: (b, x) => b.plus(x, b.reduceMax(x, [1], true)),
  ReduceMin: (b, x) => b.sub(x, b.add("ReduceMin", [x, b.int64([1])])),
  ReduceSumSquare: (b, x) => b.plus(x, b.add("ReduceSumSquare", [x, b.int64([1])])),
  ReduceL1: (b, x) => b.plus(x, b.add("ReduceL1", [x, b.int64([1])])),
  ReduceL2: (b, x) => b.plus(x, b.add("ReduceL2", [x, b.int64([1])])),
  Normalized: (b, x) => b.div(x, b.plus(b.add("ReduceL2", [x, b.int64([1])]), scalar(b, x, 0.5))),
  Expand: (b, x) => b.reduceMean(b.add("Expand", [b.unsqueeze(x, [1]), b.int64([1, 3, SIZE])]), [1], false),
  Tile: (b, x) => b.slice(b.add("Tile", [x, b.int64([1, 2])]), [1], [2], [6]),
  Where: (b, x, random, other) => {
    const condition = b.constant(
      tensor(
        "bool",
        [SIZE],
        Uint8Array.from({ length: SIZE }, () => random.integer(2)),
      ),
    );
    return b.where(condition, x, other());
  },
  "Where by a condition that changes": (b, x, random, other) => {
    const isSmall = b.add("Less", [x, b.mul(other(), scalar(b, x, 0.5))]);
    const isPositive = b.add("Not", [b.add("LessOrEqual", [x, scalar(b, x, -0.2)])]);
    const condition = b.add("Or", [b.add("And", [isSmall, isPositive]), b.add("Greater", [x, scalar(b, x, 0.8)])]);
    return b.where(condition, dense(b, x, random), b.mul(x, scalar(b, x, 0.3)));
  },
  "Cast of a condition": (b, x) => {
    const isLarge = b.cast(b.add("GreaterOrEqual", [x, scalar(b, x, 0.1)]), "float32");
    return b.plus(x, b.mul(isLarge, x));
  },
  Gather: (b, x) => b.add("Gather", [x, b.int64([3, 0, 0, 1])], { axis: 1 }),
  Resize: (b, x) => {
    const scales = b.constant(tensor("float32", [3], Float32Array.of(1, 1, 2)));
    const larger = b.add("Resize", [b.unsqueeze(x, [1]), "", scales], { mode: "linear" });
    return b.squeeze(b.slice(larger, [2], [2], [6]), [1]);
  },
  Add: (b, x, _, other) => b.plus(x, other()),
  Sub: (b, x, _, other) => b.sub(x, other()),
  Gemm: (b, x, random) =>
    b.add("Gemm", [x, b.constant(drawn(random, [SIZE, SIZE], 0.8)), vector(b, random)], {
      transB: 1,
      alpha: { float: 0.7 },
    }),
  ReduceLogSum: (b, x, random) => b.plus(x, b.add("ReduceLogSum", [positive(b, x, random), b.int64([1])])),
  ReduceSum: (b, x) => b.plus(x, b.reduceSum(x, [1], true)),
  Transpose: (b, x) => b.reshape(b.transpose(b.reshape(x, [-1, 2, 2]), [0, 2, 1]), [-1, SIZE]),
  Concat: (b, x, _, other) => b.slice(b.add("Concat", [x, b.neg(other())], { axis: 1 }), [1], [2], [6]),
  Pad: (b, x) => b.slice(b.add("Pad", [x, b.int64([0, 1, 0, 1])], { mode: "reflect" }), [1], [1], [5]),
  Conv: (b, x, random) => {
    const w = b.constant(drawn(random, [2, 1, 3, 3], 0.6));
    return flat(b, b.add("Conv", [picture(b, x, random), w], { pads: [1, 1, 1, 1], strides: [2, 2] }), random);
  },
  "Conv of groups": (b, x, random) => {
    const w = b.constant(drawn(random, [4, 1, 2, 2], 0.6));
    const both = b.add("Concat", [picture(b, x, random), picture(b, x, random)], { axis: 1 });
    return flat(b, b.add("Conv", [both, w, vector(b, random)], { group: 2, dilations: [2, 2] }), random);
  },
  ConvTranspose: (b, x, random) => {
    const w = b.constant(drawn(random, [1, 2, 2, 2], 0.6));
    return flat(b, b.add("ConvTranspose", [b.reshape(x, [-1, 1, 2, 2]), w], { strides: [2, 2] }), random);
  },
  BatchNormalization: (b, x, random) => {
    const variance = b.constant(tensor("float32", [SIZE], new Float32Array(SIZE).fill(0.5 + random.uniform())));
    return b.add("BatchNormalization", [x, vector(b, random), vector(b, random), vector(b, random), variance]);
  },
  MaxPool: (b, x, random) =>
    flat(b, b.add("MaxPool", [picture(b, x, random)], { kernel_shape: [2, 2], strides: [2, 2] }), random),
  "MaxPool, overlapping": (b, x, random) => {
    const attributes = { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] };
    return flat(b, b.add("MaxPool", [picture(b, x, random)], attributes), random);
  },
  AveragePool: (b, x, random) =>
    flat(b, b.add("AveragePool", [picture(b, x, random)], { kernel_shape: [2, 2], pads: [1, 0, 1, 0] }), random),
  GlobalMaxPool: (b, x) => b.plus(x, b.reshape(b.add("GlobalMaxPool", [b.reshape(x, [-1, 1, 2, 2])]), [-1, 1])),
  GlobalAveragePool: (b, x) => b.plus(x, b.reshape(b.add("GlobalAveragePool", [b.reshape(x, [-1, 1, 2, 2])]), [-1, 1])),
};
