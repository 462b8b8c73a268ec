import { describe, expect, it } from "vitest";
import { dense, floats, graphOf, numbers, open, using } from "../../test/support/models.ts";
import { readOnnx, writeOnnx } from "../onnx/file.ts";
import type { Graph } from "../onnx/graph.ts";
import type { Ops } from "../onnx/ops.ts";
import { nodeRuntime } from "../runtime/ort.node.ts";
import { openModelGraph } from "./open.node.ts";
import { TEMPERATURE, withTemperature } from "./temperature.ts";

const scores = (b: Ops, x: string) => dense(b, x, numbers(12, 5), [0.1, 0.2, -0.3]);
const plain = graphOf([4], scores);
const ending = (op: string) => graphOf([4], (b, x) => b.add(op, [scores(b, x)], { axis: 1 }));
const x = floats([5, 4], numbers(20, 6));

/** All outputs of a file, as it runs. */
async function run(graph: Graph): Promise<Record<string, number[]>> {
  const program = await nodeRuntime("cpu", 1).load(writeOnnx(graph));
  const result = await program.run({ x });
  await program.release();
  return Object.fromEntries(Object.entries(result).map(([name, { data }]) => [name, Array.from(data, Number)]));
}

const close = (found: number[], wanted: number[]): void => {
  for (const [i, value] of found.entries())
    expect(Math.abs(value - wanted[i]!)).toBeLessThan(2e-6 * Math.max(1, Math.abs(value)));
};

describe("withTemperature", () => {
  it("divides once more what it has divided", async () => {
    const twice = await run(withTemperature(withTemperature(plain, 2), 3));
    const once = await run(plain);
    close(
      Object.values(twice)[0]!,
      Object.values(once)[0]!.map((z) => z / 6),
    );
  });

  it.each([
    ["logits", plain],
    ["a softmax", ending("Softmax")],
    ["a log-softmax", ending("LogSoftmax")],
  ])("divides the logits of a graph that ends in %s", async (_, graph) => {
    const made = readOnnx(writeOnnx(withTemperature(graph, 2.5)));
    expect(made.nodes.filter(({ op }) => op === "Div").map(({ name }) => name)).toEqual([TEMPERATURE]);
    expect(made.nodes.length).toBe(graph.nodes.length + 1);
    expect([made.inputs, made.outputs]).toEqual([graph.inputs, graph.outputs].map((values) => [...values]));
    const [before, after] = await Promise.all(
      [graph, made].map((of) => using(open(of), async (model) => Array.from((await model.logits(x)).data))),
    );
    close(
      after!,
      before!.map((z) => z / 2.5),
    );
  });

  it("gives the softmax of divided logits, and both where a graph gives both", async () => {
    const both = graphOf([4], (b, v) => b.add("Softmax", [b.add("Identity", [scores(b, v)])], { axis: 1 }));
    const logits = both.nodes.at(-2)!.outputs[0]!;
    const graph = { ...both, outputs: [{ name: logits, type: "float32" as const, dims: ["N", 3] }, ...both.outputs] };
    const [probabilities] = both.outputs.map(({ name }) => name);
    const found = await run(withTemperature(graph, 0.5, probabilities));
    const before = await run(graph);
    const rows = Array.from({ length: 5 }, (_, i) => before[logits]!.slice(3 * i, 3 * i + 3));
    close(
      found[probabilities!]!,
      rows.flatMap((row) => {
        const powers = row.map((z) => Math.exp(z / 0.5));
        const sum = powers.reduce((a, b) => a + b);
        return powers.map((p) => p / sum);
      }),
    );
    expect(() => withTemperature(graph, 0.5)).toThrow(/has 2 outputs: .* Name the one with the class scores/);
    expect(() => withTemperature(graph, 0.5, "y")).toThrow(/no output "y"/);
  });

  it("leaves all else of a file as it is", async () => {
    const { graph } = await openModelGraph("lenet-mnist");
    const made = withTemperature(graph, 1.5);
    const [before, after] = [graph, made].map((of) => of.nodes.filter(({ name }) => name !== TEMPERATURE));
    expect(after!.map(({ op, name, inputs }) => [op, name, inputs])).toEqual(
      before!.map(({ op, name, inputs }) => [op, name, inputs]),
    );
    for (const [name, weights] of graph.initializers) expect(made.initializers.get(name)).toBe(weights);
    expect([...made.initializers.keys()].length).toBe(graph.initializers.size + 1);
  });

  it("takes logits of float16", async () => {
    const graph = graphOf([4], (b, v) =>
      b.cast(b.add("Softmax", [b.cast(scores(b, v), "float16")], { axis: 1 }), "float32"),
    );
    const found = Object.values(await run(withTemperature(graph, 2)))[0]!;
    const wanted = Object.values(await run(withTemperature(ending("Softmax"), 2)))[0]!;
    for (const [i, value] of found.entries()) expect(Math.abs(value - wanted[i]!)).toBeLessThan(2e-3);
  });

  it("refuses what has no logits to divide, and what is no temperature", () => {
    for (const wrong of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e-60, 1e60])
      expect(() => withTemperature(plain, wrong)).toThrow(/A temperature is a positive number/);
    const sigmoid = graphOf([4], (b, v) => b.add("Sigmoid", [scores(b, v)]));
    expect(() => withTemperature(sigmoid, 2)).toThrow(/shows none: it was read as sigmoid/);
    const identity = { ...ending("Softmax"), nodes: ending("Softmax").nodes.slice(-1) };
    expect(() => withTemperature({ ...identity, nodes: [{ ...identity.nodes[0]!, inputs: ["x"] }] }, 2)).toThrow(
      /are no result of its nodes/,
    );
    const old = { ...plain, opsets: new Map([["", 6]]) };
    expect(() => withTemperature(old, 2)).toThrow(/opset 6, and a temperature needs 7/);
  });
});
