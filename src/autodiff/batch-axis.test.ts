import { describe, expect, it } from "vitest";
import { ramp } from "../../test/support/onnx.ts";
import { PerturbError } from "../errors.ts";
import type { DifferentiableModel, Goal } from "../model.ts";
import { settleBatch } from "../models/classifier/batching.ts";
import { type ClassifierFile, classifierFile } from "../models/classifier/classifier.ts";
import { openClassifier } from "../models/classifier/graph-model.ts";
import { graphIn, settledFrom } from "../models/open.ts";
import { emptyGraph } from "../onnx/builder.ts";
import { writeOnnx } from "../onnx/file.ts";
import type { Dim, Graph } from "../onnx/graph.ts";
import { Ops } from "../onnx/ops.ts";
import { nodeRuntime } from "../runtime/ort.node.ts";
import { type FloatTensor, product, tensor } from "../tensor.ts";
import { batchAxis } from "./batch-axis.ts";
import { sampleShape } from "./differentiate.ts";

const runtime = nodeRuntime("cpu", 1);
const settled = (graph: Graph, shape?: readonly number[]): Promise<ClassifierFile> =>
  settleBatch(classifierFile(graph, { name: "m", ...(shape && { shape }) }), runtime);

function graphOf(
  dims: readonly Dim[],
  build: (b: Ops, x: string) => string,
  opset = 17,
  declared?: readonly Dim[],
): Graph {
  const b = new Ops(emptyGraph("g", opset));
  b.alias("scores", build(b, b.input({ name: "in", type: "float32", dims })));
  const graph = b.finish(["scores"]);
  return declared ? { ...graph, outputs: graph.outputs.map((v) => ({ ...v, dims: declared })) } : graph;
}

/** Values between 0 and 1 that differ, the same in every run. */
const samples = (dims: readonly number[]): FloatTensor =>
  tensor(
    "float32",
    dims,
    Float32Array.from({ length: product(dims) }, (_, i) => ((i * 0.618034) % 1) * 0.9 + 0.05),
  );

const untargeted = (...labels: number[]): Goal => ({ kind: "untargeted", labels: Int32Array.from(labels) });

/** Softmax of W·v minus one-hot, times W: the gradient of cross-entropy of a linear model whose weights are [features, 3]. */
function closedForm(v: Float32Array, label: number, weights: Float32Array): { logits: number[]; gradient: number[] } {
  const logits = [0, 1, 2].map((c) => v.reduce((sum, value, j) => sum + value * weights[j * 3 + c]!, 0));
  const total = logits.reduce((sum, z) => sum + Math.exp(z), 0);
  const slope = logits.map((z, c) => Math.exp(z) / total - Number(c === label));
  return {
    logits,
    gradient: Array.from(v, (_, j) => slope.reduce((sum, s, c) => sum + s * weights[j * 3 + c]!, 0)),
  };
}

async function expectLinear(file: ClassifierFile, sample: readonly number[], weights: Float32Array): Promise<void> {
  expect(file.inputShape).toEqual(sample);
  const model: DifferentiableModel = openClassifier(file, runtime);
  const size = product(sample);
  const x = samples([3, ...sample]);
  const labels = [2, 0, 1];
  const { logits, gradient } = await model.gradient(x, untargeted(...labels));
  expect([logits.dims, gradient.dims]).toEqual([
    [3, 3],
    [3, ...sample],
  ]);
  for (const [i, label] of labels.entries()) {
    const truth = closedForm(x.data.slice(i * size, (i + 1) * size), label, weights);
    for (const [c, z] of truth.logits.entries()) expect(logits.data[i * 3 + c]).toBeCloseTo(z, 5);
    for (const [j, g] of truth.gradient.entries()) expect(gradient.data[i * size + j]).toBeCloseTo(g, 6);
  }
  expect((await model.logits(x)).data).toEqual(logits.data);
}

describe("an input without a batch axis is one sample", () => {
  const weights = ramp([32, 3]);
  const flat = (b: Ops, x: string) => b.matmul(b.reshape(x, [1, 32]), b.constant(weights));
  it.each([
    ["one row of scores", [4, 8], flat, 17],
    ["one row of scores in opset 11", [4, 8], flat, 11],
    ["scores without a row", [4, 8], (b: Ops, x: string) => b.reshape(flat(b, x), [3]), 17],
    ["an image and scores without a row", [1, 4, 8], (b: Ops, x: string) => b.reshape(flat(b, x), [3]), 17],
    ["colours", [2, 4, 4], flat, 17],
    ["a list", [32], flat, 17],
    ["a list and scores without a row", [32], (b: Ops, x: string) => b.reshape(flat(b, x), [3]), 17],
  ] as const)("%s", async (_, dims, build, opset) => {
    const graph = graphOf(dims, build, opset);
    expect(batchAxis(graph)).toBe("none");
    expect(sampleShape(graph)).toEqual(dims);
    await expectLinear(await settled(graph), dims, weights.data);
  });

  it.each([
    ["softmax", (b: Ops, x: string) => b.add("Softmax", [b.reshape(flat(b, x), [3])], { axis: -1 })],
    ["sigmoids", (b: Ops, x: string) => b.add("Sigmoid", [b.reshape(flat(b, x), [3])])],
  ])("with %s in front of scores without a row", async (_, build) => {
    const file = await settled(graphOf([4, 8], build));
    expect(file.head).not.toMatch(/logits|hidden/);
    const model = openClassifier(file, runtime);
    const x = samples([1, 4, 8]);
    const { logits, gradient } = await model.gradient(x, untargeted(1));
    const truth = closedForm(x.data, 1, weights.data);
    for (const [c, z] of truth.logits.entries()) expect(logits.data[c]).toBeCloseTo(z, 5);
    for (const [j, g] of truth.gradient.entries()) expect(gradient.data[j]).toBeCloseTo(g, 6);
    await model.release();
  });

  it.each([
    [[], 4],
    [[], "N"],
    [[], 1],
    [[1], 4],
    [[1], "N"],
    [[1, 1], 4],
  ] as const)("with one output of %j: a logit of two classes", async (dims, first) => {
    const one = ramp([32, 1]);
    const graph = graphOf(first === 4 ? [4, 8] : [first, 32], (b, x) =>
      b.reshape(b.matmul(b.reshape(x, [1, 32]), b.constant(one)), dims),
    );
    const file = await settled(graph);
    expect([file.classes, file.batch]).toEqual([2, 1]);
    const model = openClassifier(file, runtime);
    const x = samples([2, ...file.inputShape]);
    const { logits, gradient } = await model.gradient(x, untargeted(1, 0));
    for (const row of [0, 1]) {
      const v = x.data.subarray(row * 32, (row + 1) * 32);
      const z = v.reduce((sum, value, j) => sum + value * one.data[j]!, 0);
      expect(logits.data[2 * row + 1]! - logits.data[2 * row]!).toBeCloseTo(z, 5);
      const slope = 1 / (1 + Math.exp(-z)) - (1 - row);
      for (let j = 0; j < 32; j++) expect(gradient.data[row * 32 + j]).toBeCloseTo(slope * one.data[j]!, 6);
    }
    await model.release();
  });

  it("where its sizes are open, and a sample of its own rank is given", async () => {
    // Of every length, the mean over the first axis.
    const graph = graphOf(["T", 8], (b, x) => {
      const mean = b.add("ReduceMean", [x], { axes: [0], keepdims: 1 });
      return b.matmul(mean, b.constant(ramp([8, 3])));
    });
    const quarter = Float32Array.from({ length: 96 }, (_, i) => ramp([8, 3]).data[i % 24]! / 4);
    await expectLinear(await settled(graph, [4, 8]), [4, 8], quarter);
    // A sample of one rank less is one row, asked about by itself.
    const rows = await settled(graph, [8]);
    expect(rows.batch).toBe(1);
    await expectLinear(rows, [8], ramp([8, 3]).data);
  });

  it.each<[string, (b: Ops, z: string) => string, string]>([
    ["scores", (_, z) => z, "logits"],
    ["a softmax over them", (b, z) => b.add("Softmax", [z], { axis: 0 }), "softmax"],
    ["sigmoids", (b, z) => b.add("Sigmoid", [z]), "sigmoid"],
  ])("[classes, samples] as output, %s: turned to rows", async (_, head, kind) => {
    const graph = graphOf(["N", 32], (b, x) => head(b, b.transpose(b.matmul(x, b.constant(weights)), [1, 0])));
    const file = await settled(graph);
    expect([file.head, file.classes, file.batch]).toEqual([kind, 3, null]);
    await expectLinear(file, [32], weights.data);
  });

  it("a batch of one whose scores have no row keeps its sample", async () => {
    const graph = graphOf([1, 1, 4, 8], (b, x) => b.reshape(flat(b, x), [3]));
    await expectLinear(await settled(graph), [1, 4, 8], weights.data);
    await expectLinear(await settled(graphOf(["N", 32], (b, x) => b.reshape(flat(b, x), [3]))), [32], weights.data);
  });
});

describe("a batch on another axis", () => {
  const last = (b: Ops, x: string) =>
    b.matmul(
      b.squeeze(b.add("Slice", [x, b.int64([-1]), b.int64([2 ** 31]), b.int64([0])]), [0]),
      b.constant(ramp([2, 3])),
    );
  /** Of 5 times 2 values, the last two. */
  const weights = Float32Array.from({ length: 30 }, (_, i) => (i < 24 ? 0 : ramp([2, 3]).data[i - 24]!));
  it.each([
    ["by its name", ["T", "N", 2], undefined],
    ["by its name in the file", ["T", "N", 2], ["N", 3]],
    ["by a size of its own", [5, 4, 2], undefined],
    ["of one time step fixed", [5, 1, 2], undefined],
  ] as const)("%s", async (_, dims, declared) => {
    const graph = graphOf(dims, last, 17, declared);
    const file = await settled(graph, dims[1] === 1 ? undefined : [5, 2]);
    await expectLinear(file, dims[1] === 1 ? [5, 1, 2] : [5, 2], weights);
  });
});

describe("a batch that shapes do not tell", () => {
  /** The sum over all steps of [T, N, 2]. */
  const summed = (b: Ops, x: string) => b.matmul(b.reduceSum(x, [0], false), b.constant(ramp([2, 3])));
  const weights = Float32Array.from({ length: 30 }, (_, i) => ramp([2, 3]).data[i % 6]!);
  it.each([
    ["of other names", ["steps", "lines", 2], ["rows", 3]],
    ["without names", [null, null, 2], null],
  ] as const)("is found by a run: %s", async (_, dims, declared) => {
    const graph = { ...graphOf(dims, summed), outputs: [{ name: "scores", type: "float32" as const, dims: declared }] };
    const opened = await graphIn(writeOnnx(graph), "m");
    await expectLinear(await settledFrom(opened, { shape: [5, 2] }, runtime), [5, 2], weights);
  });
});

it("an output in time-major order is pooled, and its batch stays the first of the input", async () => {
  // [time 2, N, 3], as readers of text give it; the input has two channels too.
  const graph = graphOf([1, 2, 4], (b, x) => {
    const z = b.unsqueeze(b.matmul(b.reshape(x, [1, 8]), b.constant(ramp([8, 3]))), [0]);
    return b.add("Concat", [z, z], { axis: 0 });
  });
  expect(sampleShape(graph)).toEqual([2, 4]);
  const file = classifierFile(graph, { name: "m", pool: { how: "mean", axis: 0 } });
  await expectLinear(await settleBatch(file, runtime), [2, 4], ramp([8, 3]).data);
});

/** What of the values is above 0.99. */
const above = (b: Ops, x: string): string => b.add("Relu", [b.sub(x, b.scalar(0.99, x))]);

describe("a fixed batch of several rows", () => {
  it("works in pieces where rows are samples", async () => {
    const file = await settled(graphOf([4, 8], (b, x) => b.matmul(x, b.constant(ramp([8, 3])))));
    expect(file.batch).toBe(4);
    await expectLinear(file, [8], ramp([8, 3]).data);
  });

  it.each([
    ["the mean of all", (b: Ops, x: string) => b.sub(x, b.add("ReduceMean", [x], { axes: [0], keepdims: 1 }))],
    ["rows in another order", (b: Ops, x: string) => b.add("Gather", [x, b.int64([1, 0, 2, 3])], { axis: 0 })],
    // Of large values alone.
    [
      "the mean of what is above 0.99",
      (b: Ops, x: string) => b.sub(x, b.add("ReduceMean", [above(b, x)], { axes: [0], keepdims: 1 })),
    ],
    [
      "the mean of what is below 0.01",
      (b: Ops, x: string) =>
        b.sub(x, b.add("ReduceMean", [above(b, b.sub(b.scalar(1, x), x))], { axes: [0], keepdims: 1 })),
    ],
    ["the row before", (b: Ops, x: string) => b.plus(x, b.add("Gather", [x, b.int64([0, 0, 1, 2])], { axis: 0 }))],
  ])("is refused where %s changes the scores", async (_, mix) => {
    const graph = graphOf([4, 8], (b, x) => b.matmul(mix(b, x), b.constant(ramp([8, 3]))));
    await expect(settled(graph)).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringMatching(/^m takes 4 rows of \[8\] at a time.*Export it with a batch of 1/),
    });
  });
});

it("a fixed batch whose samples lie on another axis of the same size is found by a run", async () => {
  const transposed = graphOf([4, 4], (b, x) => b.matmul(b.transpose(x, [1, 0]), b.constant(ramp([4, 3]))));
  const opened = await graphIn(writeOnnx(transposed), "m");
  await expectLinear(await settledFrom(opened, {}, runtime), [4], ramp([4, 3]).data);
  // Of rows that mix on either axis, the first is what is refused.
  const mixed = graphOf([4, 4], (b, x) =>
    b.plus(b.matmul(x, b.constant(ramp([4, 3]))), b.matmul(b.transpose(x, [1, 0]), b.constant(ramp([4, 3])))),
  );
  const other = await graphIn(writeOnnx(mixed), "m");
  await expect(settledFrom(other, {}, runtime)).rejects.toMatchObject({ code: "unsupported" });
});

describe("an answer with another number of rows than was asked for", () => {
  it.each([
    ["twice as many", (b: Ops, x: string) => b.reshape(b.matmul(x, b.constant(ramp([8, 6]))), [-1, 3])],
    ["a row too many", (b: Ops, x: string) => b.add("Concat", [x, b.constant(ramp([1, 3]))], { axis: 0 })],
    ["none", (b: Ops, x: string) => b.add("Slice", [x, b.int64([1]), b.int64([2 ** 31]), b.int64([0])])],
  ])("is refused: %s", async (kind, build) => {
    const graph = graphOf(["N", kind === "twice as many" ? 8 : 3], build, 17, ["N", 3]);
    const model = openClassifier(await settled(graph), runtime);
    const x = samples([3, ...model.inputShape]);
    await expect(model.logits(x)).rejects.toMatchObject({
      code: "mismatch",
      message: expect.stringMatching(
        /^m answers float32 \[\d, 3\] for the logits of 1 sample, where \[1, 3\] was asked/,
      ),
    });
    await expect(model.gradient(x, untargeted(0, 1, 2))).rejects.toThrow(PerturbError);
    await model.release();
  });
});
