import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { ramp } from "../../test/support/onnx.ts";
import { given, subgraph } from "../../test/support/subgraph.ts";
import { emptyGraph } from "../onnx/builder.ts";
import { readOnnx, writeOnnx } from "../onnx/file.ts";
import type { Dim, Graph, Node } from "../onnx/graph.ts";
import { renaming } from "../onnx/node-proto.ts";
import { Ops } from "../onnx/ops.ts";
import { tensor } from "../tensor.ts";
import { obstacles } from "./coverage.ts";
import { asClassifier, differentiate } from "./differentiate.ts";

const OPSET = 17;

/** A file from x, [N, 4] unless said, to y. */
function fileOf(build: (b: Ops, x: string) => string, dims: readonly Dim[] = ["N", 4]): Graph {
  const b = new Ops(emptyGraph("g", OPSET), "own");
  b.alias("y", build(b, b.input({ name: "in", type: "float32", dims })));
  return readOnnx(writeOnnx({ ...b.finish(["y"]), outputs: [{ name: "y", type: "float32", dims: ["N", 3] }] }));
}

const gradient = (graph: Graph): Graph => differentiate(asClassifier(graph));
const features = (b: Ops, x: string): string => b.matmul(x, b.constant(ramp([4, 3])));
const int = (b: Ops, value: number): string => b.constant(tensor("int64", [], BigInt64Array.of(BigInt(value))));
const step = (work: (b: Ops, h: string) => string) => ({
  body: { graph: subgraph(OPSET, given("int64", "bool", "float32"), (b, [, c, h]) => [c!, work(b, h!)]) },
});
/** [N, k] to the [N, 3] of a classifier. */
const classes = (b: Ops, x: string): string => b.matmul(b.reduceSum(x, [1], true), b.constant(ramp([1, 3])));

describe("few bytes that ask for much", () => {
  it.each<[string, (b: Ops, x: string) => string, readonly Dim[], string]>([
    [
      "a sequence of 2·10⁸ parts",
      (b, x) =>
        classes(b, b.add("ConcatFromSequence", [b.add("SplitToSequence", [x, int(b, 1)], { axis: 1 })], { axis: 1 })),
      ["N", 2e8],
      "128 MiB",
    ],
    [
      "a scan over 2·10⁸ elements",
      (b, x) => {
        const body = { graph: subgraph(OPSET, [{ type: "float32", dims: ["N"] }], (i, [a]) => [i.add("Relu", [a!])]) };
        return classes(b, b.transpose(b.add("Scan", [x], { num_scan_inputs: 1, scan_input_axes: [1], body }), [1, 0]));
      },
      ["N", 2e8],
      "128 MiB",
    ],
    [
      "a loop of 2²⁰ trips",
      (b, x) =>
        b.add(
          "Loop",
          [int(b, 2 ** 20), "", features(b, x)],
          step((i, h) => i.add("Relu", [h])),
        ),
      ["N", 4],
      "131072 nodes",
    ],
    [
      "a loop whose body holds a million bytes",
      (b, x) => {
        const value = tensor("float32", [2 ** 18], new Float32Array(2 ** 18));
        const work = (i: Ops, h: string) => i.plus(h, i.reduceSum(i.add("Constant", [], { value }), [0], false));
        return b.add("Loop", [int(b, 1000), "", features(b, x)], step(work));
      },
      ["N", 4],
      "128 MiB",
    ],
  ])("%s: refused at once, with what is too much", async (_, build, dims, what) => {
    const graph = fileOf(build, dims);
    const started = performance.now();
    expect((await failure("unsupported", () => gradient(graph))).message).toContain(what);
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  it("a loop of 2³² trips, which no runtime ends, also where no gradient passes", async () => {
    const graph = fileOf((b, x) =>
      b.add(
        "Loop",
        [int(b, 2 ** 32), "", features(b, x)],
        step((i, h) => i.neg(h)),
      ),
    );
    const { message } = await failure("unsafe-file", () => asClassifier(graph));
    expect(message).toContain("it makes 4294967296 trips, of 16777216 allowed");
  });

  it("a size multiplied by itself over and over", () => {
    const graph = fileOf((b, x) => {
      let size = b.slice(b.shape(x), [0], [0], [1]);
      for (let i = 0; i < 60; i++) size = b.mul(size, size);
      return b.plus(features(b, x), b.mul(b.cast(size, "float32"), b.scalar(0, x)));
    });
    expect(gradient(graph).outputs).toHaveLength(3);
  });
});

describe("files that are long", () => {
  it.each<[string, readonly (readonly string[])[], string]>([
    [
      "500,000 inputs of a node",
      [Array<string>(500_000).fill("x")],
      'Sum (output "y0") has 500001 inputs and outputs, of 16384',
    ],
    [
      "300,000 inputs of 30 nodes",
      Array<string[]>(30).fill(Array<string>(10_000).fill("x")),
      "300032 values, of 262144",
    ],
    ["100,000 nodes", Array<string[]>(100_000).fill(["x"]), "100000 nodes, of 65536"],
  ])("%s are refused by their number", async (_, inputs, what) => {
    const nodes = inputs.map((list, i): Node => ({ ...renaming(`y${i}`, "x"), op: "Sum", inputs: list }));
    const value = (name: string) => ({ name, type: "float32", dims: ["N", 4] }) as const;
    const bytes = writeOnnx({ ...emptyGraph("g", OPSET), inputs: [value("x")], outputs: [value("y0")], nodes });
    const started = performance.now();
    expect((await failure("unsupported", () => readOnnx(bytes))).message).toContain(what);
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  // Each took ten seconds and more where the work grew with the square.
  it.each<[string, (b: Ops, x: string) => string]>([
    [
      "a value read 48,000 times",
      (b, x) => {
        const h = Array<string>(16_000).fill(features(b, x));
        const sums = [1, 2, 3].map(() => b.add("Sum", h));
        return b.add("Sum", sums);
      },
    ],
    [
      "1,000 branches on the input",
      (b, x) => {
        let h = features(b, x);
        const condition = b.cast(b.reduceSum(x, [0, 1], false), "bool");
        for (let i = 0; i < 1000; i++) {
          const [then, other] = [h, h].map((value, k) =>
            subgraph(OPSET, [], (inner) => [inner.add(k === 0 ? "Relu" : "Neg", [value])]),
          );
          h = b.add("If", [condition], { then_branch: { graph: then! }, else_branch: { graph: other! } });
        }
        return h;
      },
    ],
  ])("%s: in time that grows with them", { timeout: 120_000 }, (_, build) => {
    const graph = fileOf(build);
    const started = performance.now();
    expect(gradient(graph).outputs).toHaveLength(3);
    expect(performance.now() - started).toBeLessThan(60_000);
  });

  it("as many outputs as nodes", () => {
    const b = new Ops(emptyGraph("g", OPSET), "own");
    const h = features(b, b.input({ name: "in", type: "float32", dims: ["N", 4] }));
    const outputs = Array.from({ length: 5000 }, () => b.add("Relu", [h]));
    const started = performance.now();
    expect(obstacles(b.finish(outputs), outputs)).toEqual([]);
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});
