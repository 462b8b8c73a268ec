import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { failure, survives } from "../../test/support/datasets.ts";
import { numbers, withProgram } from "../../test/support/gradient-check.ts";
import { mutate } from "../../test/support/mutate.ts";
import { changed, ramp, smallClassifier, smallFile } from "../../test/support/onnx.ts";
import { emptyGraph } from "../onnx/builder.ts";
import { readOnnx, writeOnnx } from "../onnx/file.ts";
import type { Dim, Graph } from "../onnx/graph.ts";
import { Ops } from "../onnx/ops.ts";
import { renameValues } from "../onnx/rewrite.ts";
import { inferShapes } from "../onnx/shapes.ts";
import { randomFor } from "../random.ts";
import type { Tensor } from "../tensor.ts";
import { asClassifier, differentiate, sampleShape, theInput } from "./differentiate.ts";
import { type LossName, losses } from "./loss.ts";

const x = ramp([4, 1, 6, 6]);
const labels = numbers("int64", [4], [0, 1, 2, 1]);
const run = (graph: Graph, loss?: LossName) =>
  withProgram(differentiate(asClassifier(graph), loss), (program) => program.run({ x, labels }));
const list = (t: Tensor | undefined): number[] => Array.from(t!.data as Float32Array);

function expectClose(got: Tensor | undefined, expected: Tensor | undefined, tolerance: number): void {
  const reference = list(expected);
  expect(got!.dims).toEqual(expected!.dims);
  const largest = Math.max(...reference.map(Math.abs));
  for (const [i, v] of list(got).entries())
    expect(Math.abs(v - reference[i]!)).toBeLessThanOrEqual(tolerance * largest);
}

describe("differentiating a classifier", () => {
  it("gives inputs and outputs their names, types and shapes, and declares them", async () => {
    const graph = differentiate(asClassifier(smallClassifier()));
    expect(graph.inputs).toEqual([
      { name: "x", type: "float32", dims: ["N", 1, 6, 6] },
      { name: "labels", type: "int64", dims: ["N"] },
    ]);
    expect(graph.outputs).toEqual([
      { name: "logits", type: "float32", dims: ["N", 3] },
      { name: "loss", type: "float32", dims: ["N"] },
      { name: "gradient", type: "float32", dims: ["N", 1, 6, 6] },
    ]);
    const { logits, loss, gradient } = await run(smallClassifier());
    expect([logits!.dims, loss!.dims, gradient!.dims]).toEqual([[4, 3], [4], [4, 1, 6, 6]]);
    expect(list(gradient).some((v) => v !== 0)).toBe(true);
  });

  it.each(Object.keys(losses) as LossName[])(
    "%s: the same gradient whatever the head, which is taken away",
    async (loss) => {
      const plain = await run(smallClassifier(), loss);
      for (const opset of [9, 11, 13, 17])
        for (const op of ["Softmax", "LogSoftmax"]) {
          const graph = smallClassifier((b, z) => b.add(op, [z], { axis: 1 }), opset);
          const classifier = asClassifier(graph);
          expect(classifier.head).toBe(op === "Softmax" ? "softmax" : "log-softmax");
          expect(classifier.classes).toBe(3);
          const got = await run(graph, loss);
          for (const name of ["logits", "loss", "gradient"]) expectClose(got[name], plain[name], 1e-6);
        }
    },
  );

  it("the gradient of a sample does not depend on the others of its batch", async () => {
    const whole = await run(smallClassifier());
    const graph = differentiate(asClassifier(smallClassifier()));
    await withProgram(graph, async (program) => {
      for (let i = 0; i < 4; i++) {
        const sample = numbers("float32", [1, 1, 6, 6], list(x).slice(36 * i, 36 * (i + 1)));
        const { gradient } = await program.run({ x: sample, labels: numbers("int64", [1], [Number(labels.data[i])]) });
        const part = numbers("float32", [1, 1, 6, 6], list(whole["gradient"]).slice(36 * i, 36 * (i + 1)));
        expectClose(gradient, part, 1e-6);
      }
    });
  });

  it("a model that uses our names for other things", async () => {
    const names = new Map([
      ["scores", "gradient"],
      ["conv.weight", "x"],
      ["fc.bias", "labels"],
      ["fc.weight", "logits"],
      ["conv.bias", "loss"],
      ["image", "x_"],
    ]);
    const plain = await run(smallClassifier());
    const got = await run(renameValues(smallClassifier(), names));
    for (const name of ["logits", "loss", "gradient"]) expect(got[name]).toEqual(plain[name]);
  });

  it("a graph that was differentiated, saved and read again gives the same", async () => {
    const graph = differentiate(asClassifier(smallClassifier()));
    const [direct, again] = [
      await withProgram(graph, (p) => p.run({ x, labels })),
      await withProgram(readOnnx(writeOnnx(graph)), (p) => p.run({ x, labels })),
    ];
    expect(again).toEqual(direct);
    expect(inferShapes(graph).get("gradient")!.dims).toEqual(["N", 1, 6, 6]);
  });

  it("scores of shape [n, classes, 1, 1], and a batch that the model fixes", async () => {
    const plain = await run(smallClassifier());
    expect((await run(smallClassifier((b, z) => b.unsqueeze(z, [2, 3]))))["gradient"]).toEqual(plain["gradient"]);
    const [input] = smallClassifier().inputs;
    const fixed = { ...smallClassifier(), inputs: [{ ...input!, dims: [4, 1, 6, 6] }] };
    expect(differentiate(asClassifier(fixed)).inputs.map((v) => v.dims)).toEqual([[4, 1, 6, 6], [4]]);
    expect((await run(fixed))["gradient"]).toEqual(plain["gradient"]);
  });

  it("open image sizes, once the data has fixed them", async () => {
    const [input] = smallClassifier().inputs;
    const open: Graph = { ...smallClassifier(), inputs: [{ ...input!, dims: ["batch", 1, "height", null] }] };
    expect(sampleShape(open)).toBeNull();
    const { message } = await failure("unsupported", () => asClassifier(open));
    expect(message).toContain("[batch, 1, height, ?]");
    const graph = differentiate(asClassifier(open, [1, 6, 6]));
    const plain = await run(smallClassifier());
    expect((await withProgram(graph, (p) => p.run({ x, labels })))["gradient"]).toEqual(plain["gradient"]);
    await failure("mismatch", () => asClassifier(open, [3, 6, 6]));
  });
});

describe("graphs that are no classifier", () => {
  const graphOf = (dims: readonly Dim[], build: (b: Ops, x: string) => string[], inputs = 1): Graph => {
    const b = new Ops(emptyGraph("g"));
    const names = Array.from({ length: inputs }, (_, i) => b.input({ name: `in${i}`, type: "float32", dims }));
    return b.finish(build(b, names[0]!));
  };

  it("several inputs, none, or several outputs: each is named", async () => {
    const two = graphOf(["N", 3], (b, v) => [b.plus(v, "in1")], 2);
    const { message, data } = await failure("unsupported", () => asClassifier(two));
    expect(message).toContain('"in0", "in1"');
    expect(data).toEqual({ inputs: ["in0", "in1"] });
    expect((await failure("unsupported", () => theInput({ ...two, inputs: [] }))).message).toContain("none");
    const outputs = graphOf(["N", 3], (b, v) => [b.named("a", "Neg", [v]), b.named("b", "Exp", [v])]);
    expect((await failure("unsupported", () => asClassifier(outputs))).message).toContain("2 (");
  });

  it.each<[string, readonly Dim[], (b: Ops, x: string) => string[]]>([
    ["an image for an image", ["N", 3, 4, 4], (b, v) => [b.exp(v)]],
    ["an unknown number of classes", ["N", 3], (b, v) => [b.reshape(v, [-1, -1])]],
  ])("%s", async (_, dims, build) => {
    expect((await failure("unsupported", () => asClassifier(graphOf(dims, build)))).message).toContain(
      "[batch, classes]",
    );
  });

  it("an output of unknown rank", async () => {
    await failure("unsupported", () => asClassifier(graphOf(["N", 3], (b, v) => [b.add("Unique", [v], { axis: 0 })])));
  });

  it("an output that does not depend on the input", async () => {
    const graph = graphOf(["N", 3], (b) => [b.constant(ramp([2, 3]))]);
    await failure("no-gradient", () => differentiate(asClassifier(graph)));
  });

  it("random damage to a file: a PerturbError or a graph that can be written", async () => {
    const bytes = smallFile();
    const damage = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(damage, (changes) => {
        const damaged = bytes.slice();
        for (const [at, value] of changes) damaged[at] = value;
        return survives(() => writeOnnx(differentiate(asClassifier(readOnnx(damaged)))));
      }),
      { numRuns: 600, seed: 11 },
    );
  });

  it("a file in order whose nodes are not: other operators, inputs, attributes, sizes, opsets", async () => {
    let differentiable = 0;
    for (let i = 0; i < 1500; i++) {
      const bytes = changed(smallFile(), (model) => mutate(model, randomFor(13, i)));
      await survives(() => {
        writeOnnx(differentiate(asClassifier(readOnnx(bytes))));
        differentiable++;
      });
    }
    expect(differentiable).toBeGreaterThan(100);
  });

  it.each<[string, (b: Ops, x: string) => string]>([
    ["a pool larger than its image", (b, v) => b.add("MaxPool", [v], { kernel_shape: [9, 9] })],
    [
      "a pool over more than memory holds",
      (b, v) => b.add("AveragePool", [b.pad(v, [0, 0, 0, 0], [0, 0, 1e7, 1e7])], { kernel_shape: [2, 2] }),
    ],
  ])("%s", async (_, build) => {
    const graph = graphOf(["N", 1, 6, 6], (b, v) => [b.add("Flatten", [b.add("GlobalAveragePool", [build(b, v)])])]);
    await failure("unsupported", () => differentiate(asClassifier(graph)));
  });

  it("more classes than anything has", async () => {
    const graph = graphOf(["N", 2 ** 21], (b, v) => [b.neg(v)]);
    expect((await failure("unsupported", () => asClassifier(graph))).message).toContain("2097152 classes");
  });

  it("a node with fewer inputs than its operator has", async () => {
    const bytes = changed(smallFile(), (model) => {
      const gemm = model.graph!.node.find((n) => n.opType === "Gemm")!;
      Object.assign(gemm, { opType: "Add", input: [gemm.input[0]!], name: "short" });
    });
    const graph = asClassifier(readOnnx(bytes));
    expect((await failure("no-gradient", () => differentiate(graph))).message).toContain('Add "short"');
  });
});
