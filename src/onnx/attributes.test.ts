import { create } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  AttributeProto_AttributeType as Kind,
  NodeProtoSchema,
} from "onnx-buf";
import { describe, expect, it } from "vitest";
import { given, subgraph } from "../../test/support/subgraph.ts";
import { tensor } from "../tensor.ts";
import { Attributes } from "./attributes.ts";

describe("attributes", () => {
  const value = tensor("float32", [2], Float32Array.of(1, -2));
  const attributes = Attributes.from({
    axis: -3,
    pads: [1, 0, -1],
    alpha: { float: 0.25 },
    mode: "naïve",
    value,
    none: [],
  });

  it("gives back what it was made from", () => {
    expect(attributes.int("axis", 1)).toBe(-3);
    expect(attributes.ints("pads", undefined)).toEqual([1, 0, -1]);
    expect(attributes.ints("none", [7])).toEqual([]);
    expect(attributes.float("alpha", 1)).toBe(0.25);
    expect(attributes.string("mode", "x")).toBe("naïve");
    expect(attributes.tensor("value")).toEqual(value);
    expect(attributes.has("axis")).toBe(true);
  });

  it("says in each proto which kind it is", () => {
    expect(attributes.protos.map((a) => a.type)).toEqual([
      Kind.INT,
      Kind.INTS,
      Kind.FLOAT,
      Kind.STRING,
      Kind.TENSOR,
      Kind.INTS,
    ]);
  });

  it("gives the default of what is absent", () => {
    expect(Attributes.none.int("axis", 1)).toBe(1);
    expect(Attributes.none.ints("pads", undefined)).toBeUndefined();
    expect(Attributes.none.float("alpha", 0.01)).toBe(0.01);
    expect(Attributes.none.string("mode", "constant")).toBe("constant");
    expect(Attributes.none.tensor("value")).toBeUndefined();
    expect(Attributes.none.has("axis")).toBe(false);
  });

  it("lists what sub-graphs use, also nested ones and lists of them", () => {
    const graph = (input: string, ...attribute: AttributeProto[]): GraphProto =>
      create(GraphProtoSchema, {
        node: [create(NodeProtoSchema, { opType: "Neg", input: [input], output: ["o"], attribute })],
        output: [{ name: `${input}_out` }],
      });
    const own = (name: string, g: GraphProto): AttributeProto =>
      create(AttributeProtoSchema, { name, type: Kind.GRAPH, g });
    const list = create(AttributeProtoSchema, { name: "list", type: Kind.GRAPHS, graphs: [graph("c"), graph("d")] });
    const all = new Attributes([own("then_branch", graph("a", own("body", graph("b")))), list]);
    expect([...all.outerValues()].sort()).toEqual(["a", "a_out", "b", "b_out", "c", "c_out", "d", "d_out"]);
  });

  it("tells what sub-graphs have to themselves from what they take", () => {
    const inner = subgraph(17, given("float32"), (b, [x]) => [b.plus(b.mul(x!, "outside"), b.int64([1]))]);
    const outer = subgraph(17, [], (b) => [b.add("Loop", ["", "", "start"], { body: { graph: inner } })]);
    const all = Attributes.from({ branch: { graph: outer } });
    expect(all.graph("branch")).toBe(outer);
    expect([...all.outerValues()].sort()).toEqual(["outside", "start"]);
    const own = [...inner.input, ...inner.initializer].map(({ name }) => name);
    const made = [...inner.node, ...outer.node].flatMap((node) => node.output);
    expect([...all.innerValues()].sort()).toEqual([...own, ...made].sort());
  });
});
