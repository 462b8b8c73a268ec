import { describe, expect, it } from "vitest";
import { withProgram } from "../../../test/support/gradient-check.ts";
import type { AttributeValue } from "../../onnx/attributes.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import type { Graph } from "../../onnx/graph.ts";
import { Ops } from "../../onnx/ops.ts";
import { randomFor } from "../../random.ts";
import { type FloatTensor, product, tensor } from "../../tensor.ts";
import { Proof } from "./proof.ts";
import { readLayers } from "./read.ts";

const random = randomFor(3, 0);
const normal = (...dims: number[]): FloatTensor =>
  tensor(
    "float32",
    dims,
    Float32Array.from({ length: product(dims) }, () => 2 * random.uniform() - 1),
  );

type Build = (b: Ops, x: string) => string;
const node =
  (
    op: string,
    constants: readonly FloatTensor[] = [],
    attributes: Readonly<Record<string, AttributeValue>> = {},
  ): Build =>
  (b, x) =>
    b.add(op, [x, ...constants.map((c) => b.constant(c))], attributes);

const IMAGE = [4, 6, 7];
const VECTOR = [12];
const positive = (n: number): FloatTensor => tensor("float32", [n], normal(n).data.map((v) => 1.5 + v) as Float32Array);

const cases: readonly (readonly [name: string, shape: readonly number[], build: Build])[] = [
  ["Conv", IMAGE, node("Conv", [normal(6, 4, 3, 2), normal(6)], { pads: [1, 0, 2, 1], strides: [2, 1] })],
  ["Conv, dilated, in groups", IMAGE, node("Conv", [normal(6, 2, 2, 2)], { dilations: [2, 3], group: 2 })],
  ["Conv, auto_pad", IMAGE, node("Conv", [normal(2, 4, 3, 4)], { auto_pad: "SAME_UPPER", strides: [2, 3] })],
  ["Conv of one axis", [3, 9], node("Conv", [normal(2, 3, 3), normal(2)], { strides: [2] })],
  ["Gemm", VECTOR, node("Gemm", [normal(12, 5), normal(5)], { alpha: { float: 0.5 }, beta: { float: 2 } })],
  ["Gemm, transposed", VECTOR, node("Gemm", [normal(5, 12), normal(1)], { transB: 1 })],
  ["MatMul", [3, 5], node("MatMul", [normal(5, 4)])],
  ["Add", IMAGE, node("Add", [normal(4, 1, 1)])],
  ["Sub", IMAGE, node("Sub", [normal(1, 7)])],
  ["Sub from a constant", IMAGE, (b, x) => b.sub(b.constant(normal(4, 6, 1)), x)],
  ["Mul", IMAGE, node("Mul", [normal(1, 4, 1, 1)])],
  ["Mul of a constant", VECTOR, (b, x) => b.mul(b.constant(normal(12)), x)],
  ["Div", IMAGE, node("Div", [positive(7)])],
  ["Neg", IMAGE, node("Neg")],
  ["Add of two", IMAGE, (b, x) => b.plus(x, b.add("Relu", [x]))],
  ["Sub of two, broadcast", IMAGE, (b, x) => b.sub(b.add("GlobalAveragePool", [x]), x)],
  [
    "BatchNormalization",
    IMAGE,
    node("BatchNormalization", [normal(4), normal(4), normal(4), positive(4)], { epsilon: { float: 1e-3 } }),
  ],
  ["AveragePool", IMAGE, node("AveragePool", [], { kernel_shape: [3, 2], strides: [2, 2], pads: [1, 0, 1, 1] })],
  [
    "AveragePool with its padding",
    IMAGE,
    node("AveragePool", [], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 }),
  ],
  ["GlobalAveragePool", IMAGE, node("GlobalAveragePool")],
  ["MaxPool", IMAGE, node("MaxPool", [], { kernel_shape: [3, 2], strides: [2, 1], pads: [1, 0, 1, 1] })],
  [
    "MaxPool, dilated, rounded up",
    IMAGE,
    node("MaxPool", [], { kernel_shape: [2, 2], strides: [2, 3], dilations: [2, 1], ceil_mode: 1 }),
  ],
  ["Relu", IMAGE, node("Relu")],
  ["LeakyRelu", IMAGE, node("LeakyRelu", [], { alpha: { float: 0.2 } })],
  ["Abs", IMAGE, node("Abs")],
  ["Clip", IMAGE, (b, x) => b.add("Clip", [x, b.scalar(-0.25, x), b.scalar(0.5, x)])],
  ["Clip from below", IMAGE, (b, x) => b.add("Clip", [x, b.scalar(-0.25, x)])],
  ["Transpose", IMAGE, node("Transpose", [], { perm: [0, 2, 3, 1] })],
  ["Concat", IMAGE, (b, x) => b.add("Concat", [x, b.constant(normal(1, 2, 6, 7)), b.neg(x)], { axis: -3 })],
  ["Pad", IMAGE, (b, x) => b.add("Pad", [x, b.int64([0, 0, 1, 2, 0, 1, 0, 0]), b.scalar(0.5, x)])],
  ["Reshape", IMAGE, (b, x) => b.reshape(x, [0, 8, -1])],
  ["Squeeze", [1, 5], (b, x) => b.squeeze(x, [1])],
  ["Unsqueeze", VECTOR, (b, x) => b.unsqueeze(x, [1])],
  [
    "Dropout, Identity, Flatten",
    IMAGE,
    (b, x) => b.add("Flatten", [b.add("Dropout", [b.add("Identity", [x])])], { axis: 1 }),
  ],
  [
    "a weight that is transposed",
    VECTOR,
    (b, x) => b.matmul(x, b.add("Transpose", [b.constant(normal(5, 12))], { perm: [1, 0] })),
  ],
];

const graphOf = (shape: readonly number[], build: Build): Graph => {
  const b = new Ops(emptyGraph("one"));
  const x = b.input({ name: "x", type: "float32", dims: ["N", ...shape] });
  const y = build(b, x);
  b.alias("logits", b.add("Flatten", [y], { axis: 1 }));
  return b.finish(["logits"]);
};

describe("the checker's own layers", () => {
  it.each(cases)("are what ONNX Runtime computes: %s", async (_, shape, build) => {
    const graph = graphOf(shape, build);
    const network = readLayers(graph);
    await withProgram(graph, async (program) => {
      for (let n = 0; n < 3; n++) {
        const x = normal(1, ...shape);
        const { logits } = await program.run({ x });
        const y = logits!.data as Float32Array;
        expect(y.length).toBe(network.classes);
        const proof = new Proof(network, { lower: x.data, upper: x.data });
        for (const __ of network.layers) expect(proof.next()).toBe(true);
        const { lower, upper } = proof.ends[network.output]!;
        for (const [j, value] of y.entries()) {
          expect(value).toBeGreaterThanOrEqual(lower[j]!);
          expect(value).toBeLessThanOrEqual(upper[j]!);
          expect(upper[j]! - lower[j]!).toBeLessThan(1e-4);
          expect(proof.least(network.output, [[j, 1]])).toBeLessThanOrEqual(value);
          expect(proof.least(network.output, [[j, 1]])).toBeGreaterThan(value - 1e-4);
          expect(-proof.least(network.output, [[j, -1]])).toBeLessThan(value + 1e-4);
        }
      }
    });
  });

  it.each([
    [
      "an operator that it does not know",
      VECTOR,
      (b: Ops, x: string) => b.add("Sigmoid", [x]),
      /does not know this operator/,
    ],
    ["a product of two values", VECTOR, (b: Ops, x: string) => b.mul(x, x), /"x", which it reads: all but one operand/],
    ["a slope above 1", VECTOR, node("LeakyRelu", [], { alpha: { float: 2 } }), /a slope of 2/],
    [
      "a weight that is no number",
      VECTOR,
      node("Gemm", [tensor("float32", [12, 1], new Float32Array(12).fill(Number.NaN))]),
      /is no number up to/,
    ],
    [
      "a Dropout in training",
      VECTOR,
      (b: Ops, x: string) => b.add("Dropout", [x, "", b.constant(tensor("bool", [], Uint8Array.of(1)))]),
      /in training/,
    ],
  ] as const)("refuse %s", (_, shape, build, message) => {
    expect(() => readLayers(graphOf(shape, build))).toThrow(message);
  });
});
