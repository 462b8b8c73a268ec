import { describe, expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { ramp } from "../../../test/support/onnx.ts";
import { Attributes, type AttributeValue } from "../../onnx/attributes.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import { readOnnx, writeOnnx } from "../../onnx/file.ts";
import type { Graph, GraphValue, Node } from "../../onnx/graph.ts";
import { inferNode } from "../../onnx/shapes.ts";
import { writeTensor } from "../../onnx/tensor-proto.ts";
import type { Tensor } from "../../tensor.ts";
import { affineRole, roleOf } from "../parameters/places.ts";
import { classifierFile, gradientGraph } from "./classifier.ts";
import { inspectGraph } from "./inspect.ts";
import { mixingNodes } from "./mixing.ts";

/** What every object has: no name of an operator or a domain. */
const INHERITED = ["__proto__", "constructor", "toString", "hasOwnProperty"];

interface Options extends Partial<Pick<Node, "domain" | "name">> {
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
}

const node = (
  op: string,
  inputs: readonly string[],
  output: string,
  { attributes = {}, domain = "", name = "" }: Options = {},
): Node => ({ op, domain, name, inputs, outputs: [output], attributes: Attributes.from(attributes) });

/** A file of these nodes from `in`, [N, 4], to `out`, [N, 3], with a weight W, [4, 3]. */
function fileOf(
  nodes: readonly Node[],
  input: Partial<GraphValue> = {},
  constants: Record<string, Tensor> = {},
): Graph {
  const tensors = Object.entries({ W: ramp([4, 3]), ...constants });
  const graph: Graph = {
    ...emptyGraph("g"),
    inputs: [{ name: "in", type: "float32", dims: ["N", 4], ...input }],
    outputs: [{ name: "out", type: "float32", dims: ["N", 3] }],
    initializers: new Map(tensors.map(([name, t]) => [name, writeTensor(name, t)])),
    nodes,
    opsets: new Map([["", 17], ...nodes.flatMap(({ domain }): [string, number][] => (domain ? [[domain, 1]] : []))]),
  };
  return readOnnx(writeOnnx(graph));
}

describe("names that every object has", () => {
  it.each(INHERITED)("a domain %s: read as any that is not known", (domain) => {
    const graph = fileOf([node("F", ["in", "W"], "h", { domain }), node("Relu", ["h"], "out")]);
    expect(inspectGraph("m", graph).obstacles).toEqual([`${domain}.F (output "h")`]);
    expect(classifierFile(graph, { name: "m" }).straightThrough).toBe(0);
    expect(roleOf("name", domain, 0)).toBeNull();
  });

  it.each(INHERITED)("an operator %s: the same", (op) => {
    const graph = fileOf([node(op, ["in", "W"], "h"), node("Relu", ["h"], "out")]);
    expect(inspectGraph("m", graph).obstacles).toEqual([`${op} (output "h")`]);
    expect(mixingNodes(graph)).toEqual([]);
    expect(roleOf(op, "", 0)).toBeNull();
    expect(affineRole(op, "")).toBeNull();
  });
});

describe("nodes that no rule expects", () => {
  it("an Einsum with more terms than inputs", async () => {
    const attributes = { equation: "nk,,kc->nc" };
    const graph = fileOf([node("Einsum", ["in", "W"], "out", { attributes, name: "sum" })]);
    const { message } = await failure("invalid-file", () => inspectGraph("m", graph));
    expect(message).toContain('Einsum "sum" (output "out"): its equation "nk,,kc->nc" is for 3 inputs, and it has 2');
  });

  it("whatever a shape rule throws is an error with the name of the node", async () => {
    const fact = { type: "float32", dims: [1, 4, 8, 8] } as const;
    const broken = node("MaxPool", ["x"], "y", { name: "pool" });
    const attributes = new Proxy(Attributes.none, {
      get() {
        throw new TypeError("beyond all rules");
      },
    });
    const { message, cause } = await failure("invalid-file", () =>
      inferNode({ ...broken, attributes }, 17, () => fact),
    );
    expect(message).toContain('MaxPool "pool" (output "y"): its shape cannot be told (beyond all rules)');
    expect(cause).toBeInstanceOf(TypeError);
  });

  it("an input whose type is not said is of float32, and keeps its shape in every file made of it", () => {
    const graph = fileOf([node("MatMul", ["in", "W"], "out")], { type: null, dims: null });
    const file = classifierFile(graph, { name: "m", shape: [4] });
    expect(readOnnx(file.onnx).inputs).toEqual([{ name: "x", type: "float32", dims: ["N", 4] }]);
    expect(gradientGraph(file, "cross-entropy").outputs.at(-1)).toMatchObject({ name: "gradient", dims: ["N", 4] });
  });

  it("an element type beyond all: kept as it stands", () => {
    const graph = fileOf([
      node("MatMul", ["in", "W"], "h"),
      node("Cast", ["h"], "out", { attributes: { to: Number.POSITIVE_INFINITY } }),
    ]);
    const { onnx } = classifierFile(graph, { name: "m" });
    const cast = readOnnx(onnx).nodes.find(({ op }) => op === "Cast")!;
    expect(cast.attributes.protos[0]!.i).toBe(2n ** 63n - 1n);
  });

  it("what no file can hold is an error of the file", async () => {
    const graph = fileOf([node("MatMul", ["in", "W"], "out")]);
    const outputs = [{ name: "out", type: "float32", dims: [Number.NaN] } as const];
    expect((await failure("invalid-file", () => writeOnnx({ ...graph, outputs }))).message).toContain(
      "cannot be written as ONNX",
    );
  });
});
