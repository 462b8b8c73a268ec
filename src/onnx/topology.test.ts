import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { AttributeProtoSchema, GraphProtoSchema, NodeProtoSchema } from "onnx-buf";
import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { changed, exported, exportedBytes, smallFile } from "../../test/support/onnx.ts";
import { Attributes } from "./attributes.ts";
import { readOnnx } from "./file.ts";
import type { Node } from "./graph.ts";
import { sortNodes } from "./topology.ts";

const node = (name: string, inputs: string[], outputs: string[], attributes = Attributes.none): Node => ({
  op: "Add",
  domain: "",
  name,
  inputs,
  outputs,
  attributes,
});
const value = (name: string) => ({ name, type: null, dims: null });
const sort = (nodes: Node[], outputs = [nodes.at(-1)!.outputs[0]!]) =>
  sortNodes(nodes, new Set(["x"]), outputs.map(value), "m.onnx");

function shuffled<T>(items: readonly T[], order: readonly number[]): T[] {
  return items
    .map((item, i) => ({ item, key: order[i % order.length]! * 1000 + ((i * 7919) % 1000) }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}

describe("topological order", () => {
  it.each(exported)("%s: nodes in any order give a valid order of the same nodes", (name) => {
    const bytes = exportedBytes(name);
    const nodes = readOnnx(bytes).nodes;
    fc.assert(
      fc.property(fc.array(fc.nat(1000), { minLength: 50, maxLength: 50 }), (order) => {
        const graph = readOnnx(
          changed(bytes, (model) => {
            model.graph!.node = shuffled(model.graph!.node, order);
          }),
        );
        expect(new Set(graph.nodes.map((n) => n.outputs[0]))).toEqual(new Set(nodes.map((n) => n.outputs[0])));
        const made = new Set(["", ...graph.inputs.map((v) => v.name), ...graph.initializers.keys()]);
        for (const { inputs, outputs } of graph.nodes) {
          for (const input of inputs) expect(made).toContain(input);
          for (const output of outputs) made.add(output);
        }
      }),
      { numRuns: 5 },
    );
  });

  it.each(exported)("%s: a file that is sorted keeps its order", (name) => {
    const { nodes, source } = readOnnx(exportedBytes(name));
    expect(nodes.map((n) => n.outputs)).toEqual(source!.graph!.node.map((n) => n.output));
  });

  it("is fast on deep chains and on nodes with many inputs, also in reverse", () => {
    const chain = Array.from({ length: 50_000 }, (_, i) => node(`n${i}`, [i === 0 ? "x" : `v${i - 1}`], [`v${i}`]));
    expect(sort(chain.toReversed(), ["v49999"])).toEqual(chain);
    const leaves = Array.from({ length: 50_000 }, (_, i) => node(`n${i}`, ["x"], [`v${i}`]));
    const join = node(
      "join",
      leaves.map((n) => n.outputs[0]!),
      ["y"],
    );
    expect(sort([join, ...leaves], ["y"]).at(-1)).toBe(join);
  });

  it("puts what a sub-graph uses before the node that has it", () => {
    const branch = create(GraphProtoSchema, {
      node: [create(NodeProtoSchema, { opType: "Neg", input: ["late"], output: ["own"] })],
    });
    const attributes = new Attributes([create(AttributeProtoSchema, { name: "then_branch", g: branch })]);
    const order = sort([node("if", ["x"], ["y"], attributes), node("maker", ["x"], ["late"])], ["y"]);
    expect(order.map((n) => n.name)).toEqual(["maker", "if"]);
  });

  it.each([
    ["of two nodes", [node("first", ["b"], ["a"]), node("second", ["a"], ["b"])], ["first", "second"]],
    ["of one node", [node("alone", ["a"], ["a"])], ["alone"]],
    [
      "behind good nodes",
      [node("good", ["x"], ["g"]), node("p", ["g", "r"], ["q"]), node("s", ["q"], ["r"])],
      ["p", "s"],
    ],
  ])("names the nodes of a cycle %s", async (_, nodes, names) => {
    const { message } = await failure("invalid-file", () => sort(nodes));
    expect(message).toMatch(/^m\.onnx: the graph has a cycle/);
    for (const name of names) expect(message).toContain(`"${name}"`);
  });

  it("names the node whose input nothing makes", async () => {
    const { message } = await failure("invalid-file", () => sort([node("lost", ["x", "ghost"], ["y"])]));
    expect(message).toContain('Add "lost" (output "y") uses "ghost"');
  });

  it("names the node that makes a value again: of another node, itself, or a given value", async () => {
    const again = async (nodes: Node[]) => (await failure("invalid-file", () => sort(nodes))).message;
    expect(await again([node("one", ["x"], ["y"]), node("two", ["x"], ["y"])])).toContain(
      '"y" is made twice, the second time by Add "two"',
    );
    expect(await again([node("one", ["x"], ["y", "y"])])).toContain('Add "one"');
    expect(await again([node("one", [], ["x"])])).toContain('"x" is made twice');
  });

  it("may leave several outputs out", () => {
    expect(sort([node("a", ["x", ""], ["p", ""]), node("b", ["p"], ["q", ""])], ["q"])).toHaveLength(2);
  });

  it("names an output that nothing makes", async () => {
    const bytes = changed(smallFile(), (model) => {
      model.graph!.output[0]!.name = "elsewhere";
    });
    expect((await failure("invalid-file", () => readOnnx(bytes, "m.onnx"))).message).toContain(
      'm.onnx: nothing makes the output "elsewhere"',
    );
  });
});
