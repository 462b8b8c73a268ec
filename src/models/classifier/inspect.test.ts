import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { given, subgraph } from "../../../test/support/subgraph.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import { readOnnx } from "../../onnx/file.ts";
import { Ops } from "../../onnx/ops.ts";
import { inspectionFacts } from "../../report/terminal/inspection.ts";
import { tensor } from "../../tensor.ts";
import { findArithmetic } from "./arithmetic.ts";
import { inspectGraph } from "./inspect.ts";

const fixture = (name: string) =>
  readOnnx(new Uint8Array(readFileSync(new URL(`../../../test/fixtures/onnx/${name}.onnx`, import.meta.url))));

/** A graph that does `make` to its input x [N, 3, 4, 4]. */
function graphOf(make: (b: Ops, x: string) => string) {
  const b = new Ops(emptyGraph("g"));
  return b.finish([make(b, b.input({ name: "x", type: "float32", dims: ["N", 3, 4, 4] }))]);
}
const perChannel = (...values: number[]) => tensor("float32", [values.length, 1, 1], Float32Array.from(values));

describe("inspectGraph", () => {
  it("tells operators, head, parameters and cost of a network", () => {
    const inspection = inspectGraph("densenet", fixture("densenet"));
    expect(inspection).toMatchObject({
      classifier: { classes: 10, head: "logits" },
      differentiable: true,
      obstacles: [],
      opsets: { "ai.onnx": 11 },
      preprocessing: ["Sub 0.45", "Div 0.25"],
    });
    expect(inspection.operators[0]).toEqual({ op: "Relu", domain: "ai.onnx", count: 16, gradient: "rule" });
    expect(inspection.operators.reduce((sum, { count }) => sum + count, 0)).toBe(fixture("densenet").nodes.length);
  });

  it("tells what a sample is, as the shapes have it, and what it costs", () => {
    const linear = (dims: readonly (number | string)[], flat: readonly number[] | null) => {
      const b = new Ops(emptyGraph("g"));
      const x = b.input({ name: "x", type: "float32", dims });
      const size = flat ? 32 : 8;
      const weights = b.constant(tensor("float32", [size, 3], new Float32Array(size * 3)));
      return inspectGraph("linear", b.finish([b.matmul(flat ? b.reshape(x, flat) : x, weights)]));
    };
    const whole = linear([4, 8], [1, 32]);
    expect(whole).toMatchObject({ batchAxis: "none", inputs: [{ dims: [4, 8] }], multiplyAdds: { total: 96 } });
    expect(inspectionFacts(whole).find(([name]) => name === "sample")?.[1]).toMatch(/^the whole input \[4, 8\]/);
    const four = linear([4, 8], null);
    expect(four).toMatchObject({ batchAxis: 0, multiplyAdds: { total: 24, operators: { MatMul: 24 } } });
    expect(inspectionFacts(four).find(([name]) => name === "sample")?.[1]).toBe("[8], 4 at a time");
    expect(inspectionFacts(linear(["N", 8], null)).some(([name]) => name === "sample")).toBe(false);
  });

  it("says why a graph is no classifier, and needs a shape where sizes are open", () => {
    const b = new Ops(emptyGraph("g"));
    const x = b.input({ name: "x", type: "float32", dims: ["N", "features"] });
    const graph = b.finish([b.add("Relu", [x])]);
    expect(inspectGraph("open", graph).classifier).toEqual({ error: expect.stringContaining("open") });
    expect(inspectGraph("open", graph, [7]).classifier).toEqual({
      classes: 7,
      head: "logits",
      assumptions: [],
    });
    const conv = inspectGraph(
      "pixels",
      graphOf((ops, pixels) => ops.add("Relu", [pixels])),
    );
    expect(conv.classifier).toEqual({ error: expect.stringContaining("[batch, classes]") });
    expect(conv.differentiable).toEqual(conv.classifier);
  });

  it("counts what rounds to integers, and tells the precision of inputs and weights", () => {
    expect(inspectGraph("densenet", fixture("densenet"))).toMatchObject({ straightThrough: 0, precision: ["float32"] });
    expect(inspectGraph("fake", fixture("quantized/fake"))).toMatchObject({ straightThrough: 4, differentiable: true });
    // The same network in three forms costs the same.
    for (const form of ["pairs", "operators", "dynamic"])
      expect(inspectGraph(form, fixture(`quantized/${form}`)).multiplyAdds, form).toMatchObject({
        total: 1476,
        uncounted: 0,
      });
    expect(inspectGraph("half", fixture("precision/float16")).precision).toEqual(["float16"]);
    expect(inspectGraph("half", fixture("precision/converted_inside")).precision).toEqual(["float32", "float16"]);
  });

  it("looks inside loops, branches and functions", () => {
    const scripted = inspectGraph("scripted", fixture("scripted"));
    expect(scripted).toMatchObject({ classifier: { classes: 4 }, differentiable: true, obstacles: [] });
    expect(scripted.operators).toContainEqual({ op: "Loop", domain: "ai.onnx", count: 2, gradient: "rule" });
    // Twice in a loop, once at the end.
    expect(scripted.multiplyAdds).toMatchObject({ operators: { Gemm: 2 * 12 * 12 + 12 * 4 }, uncounted: 0 });
    const looped = graphOf((b, x) => {
      const body = subgraph(17, given("int64", "bool", "float32"), (i, [, c, h]) => [c!, i.add("Frobnicate", [h!])]);
      return b.add("Loop", [b.squeeze(b.int64([1]), [0]), "", x], { body: { graph: body } });
    });
    expect(inspectGraph("looped", looped).obstacles).toEqual([expect.stringContaining("Frobnicate")]);
  });

  it("names what stands in the way of a gradient", () => {
    const b = new Ops(emptyGraph("g"));
    const x = b.input({ name: "x", type: "float32", dims: ["N", 5] });
    const graph = b.finish([b.add("Relu", [b.add("Frobnicate", [x])])]);
    expect(inspectGraph("f", graph).obstacles).toEqual([expect.stringContaining("Frobnicate")]);
  });
});

describe("findArithmetic", () => {
  it("gives the arithmetic before the network, step by step", () => {
    const graph = graphOf((b, x) => {
      const scaled = b.mul(x, b.constant(tensor("float32", [], Float32Array.of(255))));
      const centred = b.sub(scaled, b.constant(perChannel(123, 117, 104)));
      return b.add("Relu", [b.transpose(centred, [0, 2, 3, 1])]);
    });
    expect(findArithmetic(graph)).toEqual(["Mul 255", "Sub 123,117,104"]);
  });

  it("stops where the network begins, or the input is used twice", () => {
    expect(findArithmetic(graphOf((b, x) => b.add("Relu", [x])))).toEqual([]);
    expect(findArithmetic(graphOf((b, x) => b.plus(b.mul(x, b.constant(perChannel(2))), b.add("Relu", [x]))))).toEqual(
      [],
    );
    expect(
      findArithmetic(graphOf((b, x) => b.mul(x, b.constant(tensor("float32", [5], new Float32Array(5)))))),
    ).toEqual([]);
  });
});
