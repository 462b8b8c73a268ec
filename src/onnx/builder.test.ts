import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { numbers, withProgram } from "../../test/support/gradient-check.ts";
import { exported, exportedBytes, ramp, smallClassifier } from "../../test/support/onnx.ts";
import { tensor } from "../tensor.ts";
import { emptyGraph, GraphBuilder } from "./builder.ts";
import { readOnnx, writeOnnx } from "./file.ts";
import { describeDims, describeNode, type Graph, prune } from "./graph.ts";
import { Ops } from "./ops.ts";
import { readTensor } from "./tensor-proto.ts";

const allNames = (graph: Graph): string[] => [
  ...graph.inputs.map((v) => v.name),
  ...graph.initializers.keys(),
  ...graph.nodes.flatMap((n) => n.outputs.filter(Boolean)),
];
const withInput = (opset = 17): { b: Ops; x: string } => {
  const b = new Ops(emptyGraph("g", opset));
  return { b, x: b.input({ name: "x", type: "float32", dims: ["N", 3] }) };
};

describe("graph builder", () => {
  it("gives names that nothing has, also in a graph that it built before", () => {
    let graph = smallClassifier();
    for (let round = 0; round < 3; round++) {
      const b = new Ops(graph);
      let y = b.neg("image");
      for (let i = 0; i < 20; i++) y = b.plus(y, b.constant(ramp([1, 1, 1, 6])));
      graph = readOnnx(writeOnnx(b.finish(["scores", y])));
      const names = allNames(graph);
      expect(new Set(names).size).toBe(names.length);
    }
  });

  it("gives each of many names once, while none of them is used yet", () => {
    const { b } = withInput();
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 2 }), (stems) => {
        const names = stems.map((stem) => b.fresh(stem));
        expect(new Set(names).size).toBe(names.length);
      }),
    );
  });

  it("keeps the names of two builders apart by their namespaces", () => {
    const names = ["one", "two"].map((namespace) => new GraphBuilder(emptyGraph("g"), namespace).fresh("a"));
    expect(names[0]).not.toBe(names[1]);
  });

  it("shares equal small constants, and only those", () => {
    const { b } = withInput();
    const value = (type: "float32" | "float64", dims: number[], list: number[]) =>
      b.constant(numbers(type, dims, list));
    expect(value("float32", [2], [1, 2])).toBe(value("float32", [2], [1, 2]));
    const different = [
      value("float32", [2], [1, 2]),
      value("float64", [2], [1, 2]),
      value("float32", [1, 2], [1, 2]),
      value("float32", [1], [12]),
      value("float32", [1], [0]),
      value("float32", [1], [-0]),
      value("float32", [0], []),
      value("float32", [], [12]),
    ];
    expect(new Set(different).size).toBe(different.length);
    expect(Object.is(readTensor(b.initializer(value("float32", [1], [-0]))!).data[0], -0)).toBe(true);
    expect(b.constant(ramp([65]))).not.toBe(b.constant(ramp([65])));
  });

  it("knows types and shapes as it goes", () => {
    const { b, x } = withInput();
    const y = b.matmul(x, b.parameter("w", ramp([3, 5])));
    expect(b.fact(y)).toMatchObject({ type: "float32", dims: ["N", 5] });
    expect(b.fact("nothing")).toEqual({ type: null, dims: null });
  });

  it("cuts back to what the outputs need, multi-output nodes and sub-graphs included", () => {
    const { b, x } = withInput();
    const kept = b.parameter("kept", ramp([3]));
    b.parameter("unused", ramp([3]));
    b.exp(x);
    const [values, indices] = b.addMany("TopK", [b.plus(x, kept), b.int64([1])], 2);
    expect(values).not.toBe(indices);
    const graph = b.finish([indices!]);
    expect(graph.nodes.map((n) => n.op)).toEqual(["Add", "TopK"]);
    expect([...graph.initializers.keys()]).toEqual([kept, graph.nodes[1]!.inputs[1]]);
    expect(graph.inputs.map((v) => v.name)).toEqual(["x"]);
    expect(prune(graph, []).nodes).toEqual([]);
  });

  it.each(exported)("%s needs all of its nodes but those that it never used", (name) => {
    const graph = readOnnx(exportedBytes(name));
    const pruned = prune(graph);
    const used = new Set([...graph.outputs.map((v) => v.name), ...graph.nodes.flatMap((n) => n.inputs)]);
    expect(prune(pruned)).toEqual(pruned);
    for (const node of graph.nodes)
      if (!pruned.nodes.includes(node))
        expect(node.outputs.every((o) => !used.has(o) || pruned.nodes.every((n) => !n.inputs.includes(o)))).toBe(true);
    for (const node of pruned.nodes) expect(node.outputs.some((o) => used.has(o))).toBe(true);
  });

  it("switches on an optional output, once, and keeps the node's place and values", async () => {
    const graph = readOnnx(writeOnnx(smallClassifier()));
    const b = new Ops(graph);
    const pool = graph.nodes.find((n) => n.op === "MaxPool")!;
    const indices = b.extraOutput(pool, 1);
    expect(b.extraOutput(pool, 1)).toBe(indices);
    expect(b.fact(indices)).toMatchObject({ type: "int64", dims: ["N", 2, 2, 2] });
    const both = b.finish(["scores", indices]);
    expect(both.nodes.map((n) => n.op)).toEqual(graph.nodes.map((n) => n.op));
    const image = ramp([2, 1, 6, 6]);
    const [before, after] = [
      await withProgram(graph, (p) => p.run({ image })),
      await withProgram(both, (p) => p.run({ image })),
    ];
    expect(after["scores"]).toEqual(before["scores"]);
    expect(after[indices]!.dims).toEqual([2, 2, 2, 2]);
  });

  it("leaves the outputs between out when a later one is switched on", () => {
    const { b, x } = withInput();
    const y = b.add("BatchNormalization", [x]);
    const node = b.nodes.at(-1)!;
    const third = b.extraOutput(node, 2);
    expect(b.nodes.at(-1)!.outputs).toEqual([y, "", third]);
  });

  it("turns an initializer into an input of its type and shape", async () => {
    const b = new Ops(smallClassifier());
    b.promote("fc.bias");
    const graph = b.finish(["scores"]);
    expect(graph.inputs.at(-1)).toEqual({ name: "fc.bias", type: "float32", dims: [3] });
    const image = ramp([1, 1, 6, 6]);
    const plain = await withProgram(smallClassifier(), (p) => p.run({ image }));
    expect(await withProgram(graph, (p) => p.run({ image, "fc.bias": ramp([3]) }))).toEqual(plain);
    await failure("internal", () => b.promote("image"));
  });

  it("refuses names that are taken", async () => {
    const { b } = withInput();
    await failure("internal", () => b.input({ name: "x", type: "float32", dims: [] }));
    await failure("internal", () => b.parameter("x", ramp([1])));
    await failure("internal", () => b.alias("x", "x"));
  });

  it("needs to know the version of the standard operators", async () => {
    await failure("invalid-file", () => new GraphBuilder({ ...emptyGraph("g"), opsets: new Map([["com.acme", 1]]) }));
  });

  it("writes no operator that the opset does not have, and says which it needs", async () => {
    const { b, x } = withInput(7);
    const { message, data } = await failure("unsupported", () => b.where(x, x, x));
    expect(message).toContain("Where");
    expect(data).toEqual({ op: "Where", since: 9, opset: 7 });
  });
});

describe("operators as the opset wants them", () => {
  const opsets = [7, 9, 10, 11, 13, 17, 18, 21];
  const values = numbers("float32", [2, 3], [3, -1, 2, 0, 5, -4]);
  const apply = (opset: number, build: (b: Ops, x: string) => string) => {
    const { b, x } = withInput(opset);
    const y = build(b, x);
    return withProgram(b.finish([y]), async (p) => (await p.run({ x: values }))[y]!);
  };

  it.each(opsets)("opset %i", async (opset) => {
    const run = async (build: (b: Ops, x: string) => string) => {
      const { dims, data } = await apply(opset, build);
      return [dims, Array.from(data as Float32Array)];
    };
    expect(await run((b, x) => b.reduceSum(x, [1], false))).toEqual([[2], [4, 1]]);
    expect(await run((b, x) => b.reduceSum(x, [0], true))).toEqual([
      [1, 3],
      [3, 4, -2],
    ]);
    expect(await run((b, x) => b.reduceMax(x, [1], true))).toEqual([
      [2, 1],
      [3, 5],
    ]);
    expect(await run((b, x) => b.squeeze(b.unsqueeze(x, [0, 3]), [0]))).toEqual([
      [2, 3, 1],
      [3, -1, 2, 0, 5, -4],
    ]);
    expect(await run((b, x) => b.slice(x, [1], [1], [3]))).toEqual([
      [2, 2],
      [-1, 2, 5, -4],
    ]);
    expect(await run((b, x) => b.pad(x, [0, 1], [1, -1]))).toEqual([
      [3, 3],
      [0, 3, -1, 0, 0, 5, 0, 0, 0],
    ]);
    expect(await run((b, x) => b.cast(b.equal(x, b.scalar(2, x)), "float32"))).toEqual([
      [2, 3],
      [0, 0, 1, 0, 0, 0],
    ]);
    expect(await run((b, x) => b.swap(x))).toEqual([
      [3, 2],
      [3, 0, -1, 5, 2, -4],
    ]);
    if (opset >= 8)
      expect(await run((b, x) => b.full(7, x))).toEqual([
        [2, 3],
        [7, 7, 7, 7, 7, 7],
      ]);
  });

  it("steps in slices need opset 10", async () => {
    expect((await apply(10, (b, x) => b.slice(x, [1], [0], [3], [2]))).dims).toEqual([2, 2]);
    await failure("unsupported", () => apply(9, (b, x) => b.slice(x, [1], [0], [3], [2])));
  });

  it("writes scalars in the type of what they stand beside", () => {
    const { b } = withInput();
    for (const type of ["float32", "float64", "float16", "bfloat16"] as const) {
      const like = b.input({ name: type, type, dims: [] });
      expect(b.fact(b.scalar(0.5, like))).toMatchObject({ type, dims: [] });
    }
  });

  it("says which value has no fixed size", async () => {
    const { b, x } = withInput();
    expect((await failure("unsupported", () => b.size(x, 0))).message).toContain('"x" is [N, 3]');
    expect((await failure("unsupported", () => b.sizes(x))).message).toContain("[N, 3]");
    expect((await failure("unsupported", () => b.dims("nothing"))).message).toContain('The rank of "nothing"');
    expect(b.sizes(x, 1)).toEqual([3]);
  });
});

it("describes nodes and shapes", () => {
  const node = { ...smallClassifier().nodes[0]!, outputs: ["y"] };
  expect(describeNode({ ...node, name: "" })).toBe('Conv (output "y")');
  expect(describeNode({ ...node, name: "conv1", domain: "com.acme" })).toBe('com.acme.Conv "conv1" (output "y")');
  expect(describeDims(["N", null, 3])).toBe("[N, ?, 3]");
  expect(describeDims(null)).toBe("of unknown rank");
  expect(tensor("bool", [0], new Uint8Array()).dims).toEqual([0]);
});
