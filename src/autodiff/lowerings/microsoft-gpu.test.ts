import { describe, expect, it } from "vitest";
import { contrib, numbers, withGradients, withProgram } from "../../../test/support/gradient-check.ts";
import { relativeDistance } from "../../../test/support/provider-cases.ts";
import type { AttributeValue } from "../../onnx/attributes.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import type { Graph } from "../../onnx/graph.ts";
import { Ops } from "../../onnx/ops.ts";
import { randomFor } from "../../random.ts";
import { product, type Tensor } from "../../tensor.ts";
import { microsoftGpuLowerings } from "./microsoft-gpu.ts";

type Attributes = Readonly<Record<string, AttributeValue>>;
type Build = (b: Ops, x: readonly string[]) => string;

/** An operator, and what it stands for by its documentation (ONNX Runtime, docs/ContribOperators.md). */
interface Case {
  readonly op: keyof typeof microsoftGpuLowerings;
  readonly attributes?: Attributes;
  readonly inputs: readonly (readonly number[])[];
  readonly opset?: number;
  readonly meaning: Build;
}

const first = (b: Ops, x: string): string => b.transpose(x, [0, 3, 1, 2]);
const last = (b: Ops, x: string): string => b.transpose(x, [0, 2, 3, 1]);
const erfGelu = (b: Ops, x: string): string => b.add("Gelu", [x]);
const conv: Attributes = { kernel_shape: [3, 2], strides: [2, 1], pads: [1, 0, 1, 1] };
const grouped = (b: Ops, x: string, scale: string, bias: string, groups: number): string =>
  b.add("GroupNormalization", [x, scale, bias], { num_groups: groups, epsilon: { float: 0.125 } });
const norm = { groups: 2, epsilon: { float: 0.125 } };
const column = (b: Ops, values: string): string => b.unsqueeze(values, [1, 2]);

const cases: readonly Case[] = [
  {
    op: "NhwcConv",
    attributes: conv,
    inputs: [[2, 5, 4, 2], [3, 2, 3, 2], [3]],
    meaning: (b, [x, w, bias]) => last(b, b.add("Conv", [first(b, x!), w!, bias!], conv)),
  },
  {
    op: "NhwcConv",
    attributes: { group: 2, dilations: [2, 1] },
    inputs: [
      [2, 5, 4, 2],
      [4, 1, 2, 2],
    ],
    meaning: (b, [x, w]) => last(b, b.add("Conv", [first(b, x!), w!], { group: 2, dilations: [2, 1] })),
  },
  {
    op: "NhwcFusedConv",
    attributes: { ...conv, activation: "Tanh" },
    inputs: [[2, 5, 4, 2], [3, 2, 3, 2], [3], [2, 3, 4, 3]],
    meaning: (b, [x, w, bias, sum]) =>
      b.add("Tanh", [b.plus(last(b, b.add("Conv", [first(b, x!), w!, bias!], conv)), sum!)]),
  },
  {
    op: "NhwcFusedConv",
    attributes: { activation: "LeakyRelu", activation_params: { floats: [0.25] } },
    inputs: [
      [2, 4, 4, 2],
      [3, 2, 2, 2],
    ],
    meaning: (b, [x, w]) =>
      b.add("LeakyRelu", [last(b, b.add("Conv", [first(b, x!), w!]))], { alpha: { float: 0.25 } }),
  },
  ...[11, 20].flatMap((opset): Case[] => [
    {
      op: "BiasSoftmax",
      opset,
      attributes: { axis: 2, is_inner_broadcast: 1 },
      inputs: [
        [2, 3, 4],
        [2, 1, 4],
      ],
      meaning: (b, [x, bias]) => b.add("Softmax", [b.plus(x!, bias!)], { axis: 2 }),
    },
    {
      op: "BiasSoftmax",
      opset,
      attributes: { axis: 2, is_inner_broadcast: 0 },
      inputs: [
        [2, 3, 4, 2],
        [1, 3, 4, 2],
      ],
      meaning: (b, [x, bias]) => {
        const e = b.exp(b.plus(x!, bias!));
        return b.div(e, b.reduceSum(e, [2, 3], true));
      },
    },
  ]),
  {
    op: "BiasAdd",
    inputs: [[2, 3, 4], [4], [2, 3, 4]],
    meaning: (b, [x, bias, skip]) => b.sum([skip!, bias!, x!]),
  },
  { op: "BiasDropout", inputs: [[2, 3, 4], [4]], meaning: (b, [x, bias]) => b.plus(x!, bias!) },
  {
    op: "BiasDropout",
    inputs: [[2, 3, 4], [4], [2, 3, 4]],
    meaning: (b, [x, bias, residual]) => b.sum([x!, bias!, residual!]),
  },
  {
    op: "BiasSplitGelu",
    inputs: [[2, 3, 6], [6]],
    meaning: (b, [x, bias]) => {
      const [left, right] = b.addMany("Split", [b.plus(x!, bias!)], 2, { axis: 2, num_outputs: 2 });
      return b.mul(left!, erfGelu(b, right!));
    },
  },
  {
    op: "GroupNorm",
    attributes: { ...norm, activation: 1 },
    opset: 21,
    inputs: [[2, 3, 2, 4], [4], [4]],
    meaning: (b, [x, scale, bias]) => {
      const y = last(b, grouped(b, first(b, x!), scale!, bias!, 2));
      return b.mul(y, b.add("Sigmoid", [y]));
    },
  },
  {
    op: "GroupNorm",
    attributes: { ...norm, activation: 0, channels_last: 0 },
    opset: 21,
    inputs: [[2, 4, 3, 2], [4], [4]],
    meaning: (b, [x, scale, bias]) => grouped(b, x!, scale!, bias!, 2),
  },
  {
    op: "SkipGroupNorm",
    attributes: { ...norm, activation: 0 },
    opset: 21,
    inputs: [[2, 3, 2, 4], [4], [4], [2, 3, 2, 4], [4]],
    meaning: (b, [x, scale, bias, skip, added]) =>
      last(b, grouped(b, first(b, b.sum([x!, skip!, added!])), scale!, bias!, 2)),
  },
  {
    op: "SkipGroupNorm",
    attributes: { ...norm, activation: 0, channels_last: 0 },
    opset: 21,
    inputs: [[2, 4, 3, 2], [4], [4], [2, 4, 1, 1], [4]],
    meaning: (b, [x, scale, bias, skip, added]) => grouped(b, b.sum([x!, skip!, column(b, added!)]), scale!, bias!, 2),
  },
];

describe("operators without a CPU kernel: values and gradients are those of what they stand for", () => {
  it("has cases for each", () => {
    expect([...new Set(cases.map(({ op }) => op))].sort()).toEqual(Object.keys(microsoftGpuLowerings).sort());
  });

  it.each(cases)("$op $attributes over $inputs, opset $opset", async (tried) => {
    const { op, attributes, inputs, opset = 20, meaning } = tried;
    const random = randomFor(3, 1);
    const drawn = (dims: readonly number[]): Tensor =>
      numbers("float32", dims, Array.from({ length: product(dims) }, () => 2 * random.uniform() - 1)); // biome-ignore format: one list
    const feeds = Object.fromEntries(inputs.map((dims, i) => [`x${i}`, drawn(dims)]));
    const wrt = Object.keys(feeds);
    const graphOf = (build: Build) => {
      const empty = emptyGraph("fused", opset);
      const b = new Ops({ ...empty, opsets: new Map([...empty.opsets, ["com.microsoft", 1]]) });
      const declared = (dims: readonly number[], i: number) =>
        i === 0 && opset >= 13 ? ["N", ...dims.slice(1)] : dims;
      const x = inputs.map((dims, i) => b.input({ name: `x${i}`, type: "float32", dims: declared(dims, i) }));
      return b.finish([build(b, x)]);
    };
    const evaluated = async (graph: Graph, seed: Tensor): Promise<Tensor[]> => {
      const { b, names } = withGradients(graph, wrt, "float32");
      const outputs = [graph.outputs[0]!.name, ...names];
      const results = await withProgram(b.finish([...new Set(outputs)]), (program) => program.run({ ...feeds, seed }));
      return outputs.map((name) => results[name] ?? seed);
    };
    const meant = graphOf(meaning);
    const values = await withProgram(meant, (program) => program.run(feeds));
    const seed = drawn(values[meant.outputs[0]!.name]!.dims);
    const expected = await evaluated(meant, seed);
    const got = await evaluated(
      graphOf((b, x) => contrib(b, op, x, attributes)[0]!),
      seed,
    );
    for (const [i, { dims, data }] of expected.entries()) {
      expect(got[i]!.dims).toEqual(dims);
      expect(relativeDistance(got[i]!.data, data), `result ${i}`).toBeLessThan(2e-6);
    }
  });
});
