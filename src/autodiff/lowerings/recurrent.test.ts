import { describe, expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { checkGradient, numbers, type Sample, withProgram } from "../../../test/support/gradient-check.ts";
import { recurrentSamples } from "../../../test/support/samples/recurrent.ts";
import type { AttributeValue } from "../../onnx/attributes.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import type { Dim, Graph } from "../../onnx/graph.ts";
import { Ops } from "../../onnx/ops.ts";
import { readTensor } from "../../onnx/tensor-proto.ts";
import { randomFor } from "../../random.ts";
import { type ElementType, product, type Tensor } from "../../tensor.ts";
import { backward } from "../engine.ts";
import { lower } from "../lower.ts";

const operators = ["RNN", "GRU", "LSTM"] as const;
type Recurrent = (typeof operators)[number];

function built(sample: Sample, opset: number, type: ElementType): { b: Ops; y: string } {
  const b = new Ops(emptyGraph("sample", opset));
  const names = Object.entries(sample.inputs).map(([name, input]) => [
    name,
    b.input({ name, type: input.type ?? type, dims: input.declared ?? input.dims }),
  ]);
  return { b, y: sample.build(b, Object.fromEntries(names) as Record<string, string>) };
}

const floats = (sample: Sample): string[] =>
  Object.keys(sample.inputs).filter((name) => sample.inputs[name]!.type === undefined);

const draw = (dims: readonly number[], seed: number): Tensor => {
  const random = randomFor(seed, 0);
  return numbers(
    "float32",
    dims,
    Array.from({ length: product(dims) }, () => 4 * random.uniform() - 2),
  );
};

/** The largest distance, relative to the largest of the second. */
function distance(got: Tensor, expected: Tensor): number {
  expect(got.dims).toEqual(expected.dims);
  const [a, b] = [got.data as Float32Array, expected.data as Float32Array];
  const largest = b.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  const distances = b.map((v, i) => Math.abs(v - a[i]!));
  return largest === 0 ? Math.max(...distances) : Math.max(...distances) / largest;
}

async function compareValues(op: Recurrent, sample: Sample, opset: number): Promise<void> {
  const { b } = built(sample, opset, "float32");
  const original = b.finish(b.nodes.find((node) => node.op === op)!.outputs);
  const lowered = lower(original, floats(sample));
  expect(lowered.nodes.map((node) => node.op)).not.toContain(op);
  const feeds = Object.fromEntries(
    Object.entries(sample.inputs).map(([name, { dims, type, values }], i) => [
      name,
      type ? numbers(type, dims, values as number[]) : draw(dims, i),
    ]),
  );
  const run = (graph: Graph) => withProgram(graph, (program) => program.run(feeds));
  const [expected, got] = [await run(original), await run(lowered)];
  for (const { name } of original.outputs) expect(distance(got[name]!, expected[name]!), name).toBeLessThan(1e-5);
}

/** The sample written in other operators from the start: those run in float64, and so can be differenced far more closely. */
const loweredSample = (sample: Sample): Sample => ({
  ...sample,
  type: "float64",
  build(b) {
    const original = built(sample, b.opset, "float64");
    const { initializers, nodes } = lower(original.b.finish([original.y]), floats(sample));
    for (const [name, proto] of initializers) b.parameter(name, readTensor(proto));
    for (const node of nodes) b.append(node);
    return original.y;
  },
});

const FLOAT32_ONLY = /Softsign|Softplus|LeakyRelu|HardSigmoid|Elu|three activations/;

describe.each(operators)("%s", (op) => {
  for (const sample of recurrentSamples[op]) {
    it.each(sample.opsets!)(`values as ONNX Runtime's: ${sample.name}, opset %i`, (opset) =>
      compareValues(op, sample, opset),
    );
    const skipped = FLOAT32_ONLY.test(sample.name);
    it.skipIf(skipped)(
      `gradient in float64: ${sample.name}${skipped ? " (skipped: ONNX Runtime has its activation in float32 only)" : ""}`,
      () => checkGradient(loweredSample(sample), sample.opsets!.at(-1)!),
    );
  }
});

/** One layer of 2 units over 3 features; bidirectional ones have every weight twice. */
function layer(
  op: Recurrent,
  dims: readonly Dim[],
  attributes: Record<string, AttributeValue> = {},
  b = new Ops(emptyGraph("g", 14)),
) {
  const rows = 2 * { RNN: 1, GRU: 3, LSTM: 4 }[op];
  const directions = attributes["direction"] === "bidirectional" ? 2 : 1;
  const x = b.input({ name: "x", type: "float32", dims });
  const [w, r] = [draw([directions, rows, 3], 1), draw([directions, rows, 2], 2)];
  const inputs = [x, b.parameter("w", w), b.parameter("r", r), b.parameter("b", draw([directions, 2 * rows], 3))];
  const y = b.addMany(op, inputs, 2, { hidden_size: 2, ...attributes });
  return { b, y: y as [string, string] };
}

describe("layout 1, which ONNX Runtime's CPU kernels do not have", () => {
  it.each(operators)("%s is layout 0 with the batch in front", async (op) => {
    const direction = { direction: "bidirectional" };
    const batchFirst = layer(op, ["N", 4, 3], { ...direction, layout: 1 });
    const b = new Ops(emptyGraph("g", 14));
    const image = b.input({ name: "image", type: "float32", dims: ["N", 4, 3] });
    expect(batchFirst.b.dims(batchFirst.y[0])).toEqual(["N", 4, 2, 2]);
    expect(batchFirst.b.dims(batchFirst.y[1])).toEqual(["N", 2, 2]);
    // Written with transposes around it, from x = image with its first axes swapped.
    const timeFirst = layer(op, [4, "N", 3], direction);
    const x = draw([2, 4, 3], 9);
    b.alias("x", b.transpose(image, [1, 0, 2]));
    const swapped = await withProgram(b.finish(["x"]), (program) => program.run({ image: x }));
    const run = async ({ b: ops, y }: ReturnType<typeof layer>, feed: Tensor, perms: readonly number[][]) => {
      const graph = new Ops(lower(ops.finish(y), ["x"]));
      const outputs = y.map((name, i) => (perms[i] ? graph.transpose(name, perms[i]) : name));
      const total = graph.plus(
        graph.reduceSum(graph.mul(outputs[0]!, outputs[0]!), [1], false),
        graph.mul(outputs[1]!, graph.scalar(3, outputs[1]!)),
      );
      const [gradient] = backward(graph, total, graph.full(1, total), ["x"]);
      const result = perms.length > 0 ? graph.transpose(gradient!, [1, 0, 2]) : gradient!;
      const names = [...outputs, result];
      const values = await withProgram(graph.finish(names), (program) => program.run({ x: feed }));
      return names.map((name) => values[name]!);
    };
    const got = await run(batchFirst, x, []);
    const expected = await run(timeFirst, swapped["x"]!, [
      [2, 0, 1, 3],
      [1, 0, 2],
    ]);
    for (const [i, value] of got.entries()) expect(distance(value, expected[i]!)).toBeLessThan(1e-6);
  });
});

describe("what is refused, by name", () => {
  const refusal = (op: Recurrent, dims: readonly Dim[], attributes: Record<string, AttributeValue> = {}) =>
    failure("no-gradient", () => {
      const { b, y } = layer(op, dims, attributes);
      lower(b.finish(y), ["x"]);
    });

  it("a sequence length that is not known, or too large", async () => {
    for (const op of operators) {
      const { message } = await refusal(op, ["T", "N", 3]);
      expect(message).toContain(op);
      expect(message).toContain('input "x", which is [T, N, 3]: the sequence length is not known before running');
      expect(message).toContain("Export the model with a fixed sequence length");
    }
    expect((await refusal("LSTM", [70_000, "N", 3])).message).toContain("is 70000, of 1 to 65536 allowed");
    expect((await refusal("LSTM", [0, "N", 3])).message).toContain("is 0, of 1 to 65536 allowed");
    expect((await refusal("LSTM", ["N", "T", 3], { layout: 1 })).message).toContain("not known before running");
  });

  it("a direction, an activation, or a number of activations that is not there", async () => {
    expect((await refusal("RNN", [2, "N", 3], { direction: "sideways" })).message).toContain('direction "sideways"');
    expect((await refusal("RNN", [2, "N", 3], { activations: { strings: ["Swish"] } })).message).toContain('"Swish"');
    expect((await refusal("LSTM", [2, "N", 3], { activations: { strings: ["Tanh"] } })).message).toContain(
      "1 activations, of 3 needed",
    );
  });

  it("a parameter that is left out where the standard and ONNX Runtime take different values", async () => {
    for (const name of ["Affine", "ScaledTanh", "ThresholdedRelu"])
      expect((await refusal("RNN", [2, "N", 3], { activations: { strings: [name] } })).message).toContain(
        `activation "${name}" without its activation_alpha`,
      );
  });
});
