import { describe, expect, it } from "vitest";
import { Attributes } from "../onnx/attributes.ts";
import { emptyGraph } from "../onnx/builder.ts";
import type { Graph, Node } from "../onnx/graph.ts";
import { gradientSupport, obstacles } from "./coverage.ts";

const node = (op: string, inputs: string[], output: string, domain = ""): Node => ({
  op,
  domain,
  name: "",
  inputs,
  outputs: [output],
  attributes: Attributes.none,
});
const graph = (...nodes: Node[]): Graph => ({
  ...emptyGraph("g"),
  inputs: [{ name: "x", type: "float32", dims: ["N", 3] }],
  nodes,
});
const found = (...nodes: Node[]) => obstacles(graph(...nodes), "y").map((n) => n.op);

describe("gradientSupport", () => {
  it("tells a rule, a derivative of zero, and nothing apart", () => {
    expect(gradientSupport("Relu")).toBe("rule");
    expect(gradientSupport("Shape")).toBe("zero");
    expect(gradientSupport("Constant")).toBe("zero");
    expect(gradientSupport("Frobnicate")).toBe("none");
    expect(gradientSupport("Relu", "com.example")).toBe("none");
    expect(gradientSupport("toString")).toBe("none");
  });
});

describe("obstacles", () => {
  it("are the nodes without a rule on the way, in order", () => {
    expect(found(node("Frob", ["x"], "a"), node("Relu", ["a"], "b"), node("Relu", ["b"], "y", "com.example"))).toEqual([
      "Frob",
      "Relu",
    ]);
    expect(found(node("Relu", ["x"], "a"), node("Relu", ["a"], "y"))).toEqual([]);
  });

  it("are not nodes beside the way: dead ends, constants, and what computes shapes", () => {
    const nodes = [
      node("Frob", ["x"], "dead"),
      node("FrobConstant", [], "c"),
      node("Shape", ["x"], "s"),
      node("FrobShape", ["s"], "t"),
      node("Add", ["x", "c"], "a"),
      node("Reshape", ["a", "t"], "y"),
    ];
    expect(found(...nodes)).toEqual([]);
  });
});
