import { tensor } from "../../../src/tensor.ts";
import { contrib, numbers, type Sample, type SampleInput, withFirst } from "../gradient-check.ts";
import { type AttributeValues, float, named, sample, small } from "./microsoft-node.ts";

const bends = new Set(["LeakyRelu", "HardSigmoid", "HardSwish", "Elu", "Selu", "ThresholdedRelu"]);
/** The gradients of bends need Where, which came with opset 9; Celu came with opset 12. */
const opsetsOf = (activation: string) => ({
  opsets: activation === "Celu" ? [12, 13, 17] : [...(bends.has(activation) ? [] : [7]), 9, 11, 13, 17],
});
/** Products of small numbers are small beside this bias, which keeps them from every kink, and on each side of it. */
const sides: SampleInput = { dims: [3], values: [4, -4, 0.625] };

const conv = (name: string, activation: string, parameters: readonly number[], extra: AttributeValues = {}): Sample =>
  sample(
    "FusedConv",
    name,
    [{ ...small([2, 2, 4, 4]), declared: ["N", 2, 4, 4] }, small([2, 2, 3, 3]), [2]],
    { activation, ...(parameters.length > 0 && { activation_params: { floats: parameters } }), ...extra },
    opsetsOf(activation),
  );
const stepped = (name: string, activation: string, parameters: readonly number[] = []): Sample =>
  sample(
    "FusedConv",
    name,
    [{ ...small([2, 1, 3, 3]), declared: ["N", 1, 3, 3] }, small([3, 1, 2, 2]), sides],
    { activation, ...(parameters.length > 0 && { activation_params: { floats: parameters } }) },
    opsetsOf(activation),
  );

const gemm = (activation: string, attributes: AttributeValues = {}, inputs = 3): Sample => {
  const dims = attributes["transB"] ? [3, 4] : [4, 3];
  const x = attributes["transA"] ? small([4, 2]) : { ...small([2, 4]), declared: ["N", 4] };
  return sample(
    "FusedGemm",
    [activation, ...Object.keys(attributes), `${inputs} inputs`].join(", "),
    [x, small(dims), sides].slice(0, inputs),
    { activation, ...attributes },
    opsetsOf(activation),
  );
};

/** A FusedMatMul whose inputs are stored so that the product is that of [2, 3, 4, 5] and [2, 3, 5, 2]. */
function matMul(op: string, flags: AttributeValues, alpha = 1, type: "float32" | "float64" = "float32"): Sample {
  const stored = (dims: readonly number[], name: string): number[] => {
    const [a, c, rows, columns] = dims as [number, number, number, number];
    const [r, s] = flags[`trans${name}`] ? [columns, rows] : [rows, columns];
    return flags[`transBatch${name}`] ? [r, a, c, s] : [a, c, r, s];
  };
  const inputs = [stored([2, 3, 4, 5], "A"), stored([2, 3, 5, 2], "B")];
  return sample(op, Object.keys(flags).join(", ") || "plain", inputs, { ...flags, alpha: float(alpha) }, { type });
}

const layer = (op: string, name: string, skip: readonly number[], count: number, output = 0, epsilon = 0.125): Sample =>
  sample(
    op,
    name,
    [
      named([2, 3, 4]),
      skip.length === 3 && skip[0] === 2 ? named(skip) : skip,
      ...Array.from({ length: count }, () => [4]),
    ],
    { epsilon: float(epsilon) },
    { opsets: [9, 13, 17], output },
  );

export const simplifiedNormalizationSamples = {
  SimplifiedLayerNormalization: [
    { axis: -1, dims: [4], output: 0 },
    { axis: 1, dims: [3, 4], output: 0 },
    { axis: -1, dims: [4], output: 1 },
  ].map(
    ({ axis, dims, output }): Sample => ({
      name: `axis ${axis}, output ${output}`,
      opsets: [9, 13, 17],
      type: "float32",
      inputs: { x: output === 0 ? named([2, 3, 4]) : { dims: [2, 3, 4] }, scale: { dims } },
      build: (b, { x, scale }) =>
        withFirst(
          b,
          b.addMany("SimplifiedLayerNormalization", [x!, scale!], 2, { axis, epsilon: float(0.125) }),
          output,
        ),
    }),
  ),
} satisfies Readonly<Record<string, readonly Sample[]>>;

/** Weights of 2, 4 or 8 bits in blocks of 16. */
const bits = (count: number, zeros: "none" | "packed" | "floats", bias = false): Sample => ({
  name: `${count} bits, zero points: ${zeros}${bias ? ", a bias" : ""}`,
  type: "float32",
  opsets: [13, 17],
  inputs: { x: named([2, 3, 40]), ...(bias && { bias: { dims: [3] } }) },
  build(b, { x, bias: added }) {
    const bytes = (dims: readonly number[]) => {
      const size = dims.reduce((p, q) => p * q, 1);
      return b.constant(
        tensor(
          "uint8",
          dims,
          Uint8Array.from({ length: size }, (_, i) => (i * 89 + 7) % 256),
        ),
      );
    };
    const ramp = Array.from({ length: 9 }, (_, i) => (i + 1) / 64);
    const scales = b.constant(numbers("float32", [3, 3], ramp));
    const packed = () => bytes([3, Math.ceil((3 * count) / 8)]);
    const zero = zeros === "none" ? "" : zeros === "packed" ? packed() : b.constant(numbers("float32", [3, 3], ramp));
    const inputs = [x!, bytes([3, 3, 2 * count]), scales, zero, "", added ?? ""];
    return contrib(b, "MatMulNBits", inputs, { K: 40, N: 3, bits: count, block_size: 16 })[0]!;
  },
});

/** One node whose inputs from the second on are constants. */
const withConstants = (
  op: string,
  name: string,
  x: SampleInput,
  constants: readonly (readonly number[])[],
  attributes: AttributeValues = {},
  opsets: readonly number[] = [9, 11, 17],
): Sample => ({
  name,
  opsets,
  type: "float32",
  inputs: { x },
  build: (b, { x: input }) => contrib(b, op, [input!, ...constants.map((list) => b.int64(list))], attributes)[0]!,
});

export const microsoftOperatorSamples = {
  FusedConv: [
    sample("FusedConv", "no activation", [[2, 2, 3, 3], [2, 2, 2, 2], [2]]),
    conv("tanh", "Tanh", [], { pads: [1, 0, 1, 1], strides: [2, 1] }),
    conv("sigmoid, padding", "Sigmoid", [], { auto_pad: "SAME_LOWER", strides: [2, 2] }),
    conv("dilations", "Tanh", [], { pads: [2, 2, 2, 2], dilations: [2, 2], kernel_shape: [3, 3] }),
    stepped("relu", "Relu"),
    stepped("leaky relu", "LeakyRelu", [0.25]),
    stepped("clip", "Clip", [-1.25, 1.25]),
    stepped("hard sigmoid", "HardSigmoid", [0.375, 0.5]),
    stepped("hard swish", "HardSwish"),
    sample("FusedConv", "groups, without a bias", [named([2, 2, 3, 3]), [4, 1, 2, 2]], {
      activation: "Tanh",
      group: 2,
    }),
    sample("FusedConv", "a sum", [small([2, 2, 3, 3]), small([2, 2, 2, 2]), [2], [2, 2, 2, 2]], { activation: "Tanh" }),
    sample("FusedConv", "a sum without a bias", [[1, 2, 3], [2, 2, 2], null, [1, 2, 2]], { activation: "Sigmoid" }),
  ],
  FusedGemm: [
    gemm("Relu"),
    gemm("Relu", { alpha: float(0.5), beta: float(2), transA: 0, transB: 1 }),
    gemm("Sigmoid"),
    gemm("Tanh", { transA: 1, alpha: float(2) }, 2),
    gemm("Softplus"),
    gemm("Softsign"),
    gemm("LeakyRelu", { activation_alpha: float(0.25) }),
    gemm("Elu", { activation_alpha: float(0.25) }),
    gemm("Celu", { activation_alpha: float(0.25) }),
    gemm("ThresholdedRelu", { activation_alpha: float(1.25) }),
    gemm("HardSigmoid", { activation_alpha: float(0.375), activation_beta: float(0.5) }),
    gemm("Selu", { activation_alpha: float(1.5), activation_gamma: float(1.25) }),
  ],
  FusedMatMul: [
    ...Array.from({ length: 16 }, (_, i) => {
      const names = ["transA", "transB", "transBatchA", "transBatchB"].filter((_, bit) => (i >> bit) & 1);
      return matMul("FusedMatMul", Object.fromEntries(names.map((name) => [name, 1])), 0.5);
    }),
    matMul("FusedMatMul", { transB: 1 }, 1, "float64"),
    sample("FusedMatMul", "named batch", [named([2, 3, 4]), named([2, 3, 4])], { transB: 1, alpha: float(2) }),
    sample("FusedMatMul", "a shared matrix", [named([2, 3, 4]), [5, 4]], { transB: 1 }),
  ],
  TransposeMatMul: [matMul("TransposeMatMul", {}, 0.5), matMul("TransposeMatMul", { transA: 1, transB: 1 })],
  Gelu: [sample("Gelu", "plain", [named([3, 4])])],
  FastGelu: [sample("FastGelu", "plain", [named([3, 4])]), sample("FastGelu", "a bias", [named([2, 3, 4]), [4]])],
  QuickGelu: [
    sample("QuickGelu", "plain", [named([3, 4])]),
    sample("QuickGelu", "a factor", [named([3, 4])], { alpha: float(0.75) }),
  ],
  BiasGelu: [sample("BiasGelu", "plain", [named([2, 3, 4]), [4]])],
  SkipLayerNormalization: [
    layer("SkipLayerNormalization", "without biases", [2, 3, 4], 1),
    layer("SkipLayerNormalization", "a bias behind", [2, 3, 4], 2),
    layer("SkipLayerNormalization", "both biases", [2, 3, 4], 3),
    layer("SkipLayerNormalization", "a broadcast skip", [3, 4], 2),
    layer("SkipLayerNormalization", "a skip of one sample", [1, 3, 4], 2, 0, 0.5),
    sample("SkipLayerNormalization", "a bias before", [[2, 3, 4], [2, 3, 4], [4], null, [4]], { epsilon: float(0.5) }),
    sample("SkipLayerNormalization", "no epsilon", [[2, 3, 4], [2, 3, 4], [4], [4]]),
  ],
  SkipSimplifiedLayerNormalization: [
    layer("SkipSimplifiedLayerNormalization", "plain", [2, 3, 4], 1),
    layer("SkipSimplifiedLayerNormalization", "a bias", [2, 3, 4], 2),
    layer("SkipSimplifiedLayerNormalization", "a broadcast skip", [3, 4], 1, 0, 0.5),
  ],
  MatMulNBits: [bits(4, "none"), bits(4, "packed", true), bits(4, "floats"), bits(8, "packed"), bits(2, "packed")],
  Trilu: [
    withConstants("Trilu", "above", named([2, 3, 4]), []),
    withConstants("Trilu", "below", named([2, 3, 4]), [], { upper: 0 }),
    withConstants("Trilu", "below a diagonal", { dims: [4, 3] }, [[-1]], { upper: 0 }),
  ],
  Pad: [
    withConstants("Pad", "zeros", named([2, 3]), [[0, 1, 0, 2]]),
    withConstants("Pad", "less", named([2, 4]), [[0, -1, 0, 1]]),
  ],
  ConvTransposeWithDynamicPads: [
    {
      name: "strides and pads",
      type: "float32",
      inputs: { x: named([2, 2, 3, 3]), w: { dims: [2, 2, 3, 3] }, bias: { dims: [2] } },
      build: (b, { x, w, bias }) =>
        contrib(b, "ConvTransposeWithDynamicPads", [x!, w!, b.int64([1, 1, 1, 1]), bias!], { strides: [2, 2] })[0]!,
    },
  ],
  ExpandDims: [0, 1, -1].map(
    (axis): Sample => ({
      name: `axis ${axis}`,
      type: "float32",
      inputs: { x: { dims: [2, 3] } },
      build: (b, { x }) => contrib(b, "ExpandDims", [x!, b.constant(tensor("int32", [], Int32Array.of(axis)))])[0]!,
    }),
  ),
} satisfies Readonly<Record<string, readonly Sample[]>>;
