import { describe, expect, it } from "vitest";
import { Attributes, type AttributeValue } from "../onnx/attributes.ts";
import { emptyGraph } from "../onnx/builder.ts";
import type { Graph, Node } from "../onnx/graph.ts";
import { dependsOn, gradientSupport, obstacles, straightThrough } from "./coverage.ts";

const node = (
  op: string,
  inputs: string[],
  output: string,
  domain = "",
  attributes: Record<string, AttributeValue> = {},
): Node => ({
  op,
  domain,
  name: "",
  inputs,
  outputs: [output],
  attributes: Attributes.from(attributes),
});
const graph = (...nodes: Node[]): Graph => ({
  ...emptyGraph("g"),
  inputs: [{ name: "x", type: "float32", dims: ["N", 3] }],
  nodes,
});
const found = (...nodes: Node[]) => obstacles(graph(...nodes), ["y"]).map((n) => n.op);

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

describe("casts", () => {
  const cast = (to: number) => node("Cast", ["x"], "y", "", { to });
  const INT32 = 6;
  const INT4 = 22;
  const FLOAT8 = 17;

  it("to integers change in steps, unless they are from integers that stand for real numbers", () => {
    const passes = (to: number, from: "float32" | "uint8" | "int32" | "int64" | "bool" | null) =>
      dependsOn(cast(to), new Set(["x"]), () => from);
    expect([passes(INT32, "float32"), passes(INT32, null), passes(INT4, "float32")]).toEqual([false, false, false]);
    expect([passes(INT32, "uint8"), passes(INT4, "int32")]).toEqual([true, true]);
    expect([passes(INT32, "int64"), passes(INT32, "bool")]).toEqual([false, false]);
    expect([passes(1, "float32"), passes(FLOAT8, "float32"), passes(1, "int32")]).toEqual([true, true, true]);
  });
});

describe("straightThrough", () => {
  it("counts the nodes that round on the way from the inputs", () => {
    const nodes = [
      node("QuantizeLinear", ["w", "s"], "constant"),
      node("QuantizeLinear", ["x", "s"], "q"),
      node("QLinearAdd", ["q", "s", "z", "constant", "s", "z", "s", "z"], "r", "com.microsoft"),
      node("QGemm", ["r", "s", "z", "constant", "s", "z"], "y", "com.microsoft"),
      node("QuantizeLinear", ["x", "s"], "dead"),
    ];
    expect(straightThrough(graph(...nodes), "y")).toBe(2);
    expect(straightThrough(graph(node("Relu", ["x"], "y")), "y")).toBe(0);
  });
});
