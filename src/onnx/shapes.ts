import type { TensorProto } from "onnx-buf";
import { product } from "../tensor.ts";
import { checkedFact, type Fact, isIntegral, SMALL, tensorFact, UNKNOWN } from "./facts.ts";
import type { Graph, Node } from "./graph.ts";
import { shapeRules } from "./shape-rules.ts";
import { elementType, readTensor } from "./tensor-proto.ts";

export function constantFact(proto: TensorProto): Fact {
  const dims = proto.dims.map(Number);
  const type = elementType(proto.dataType) ?? null;
  return isIntegral(type) && product(dims) <= SMALL ? tensorFact(readTensor(proto)) : { type, dims };
}

/** The facts of a node's outputs; unknown where no rule is known or its inputs are. */
export function inferNode(node: Node, opset: number, lookup: (name: string) => Fact): readonly Fact[] {
  const rule = node.domain === "" && Object.hasOwn(shapeRules, node.op) ? shapeRules[node.op] : undefined;
  // A node without inputs that needs some is for the runtime to refuse.
  if (!rule || (node.inputs.length === 0 && node.op !== "Constant")) return node.outputs.map(() => UNKNOWN);
  const input = (i: number): Fact => (node.inputs[i] ? lookup(node.inputs[i]) : UNKNOWN);
  const result = rule({ node, opset, input });
  const facts: readonly Fact[] = isList(result) ? result : [result];
  return node.outputs.map((_, i) => checkedFact(facts[i] ?? UNKNOWN));
}

const isList = (value: Fact | readonly Fact[]): value is readonly Fact[] => Array.isArray(value);

/** The facts of every value of a graph, without running it. */
export function inferShapes(graph: Graph): Map<string, Fact> {
  const facts = new Map<string, Fact>();
  for (const input of graph.inputs) facts.set(input.name, input);
  for (const [name, proto] of graph.initializers) facts.set(name, constantFact(proto));
  const opset = graph.opsets.get("") ?? 1;
  for (const node of graph.nodes) {
    const inferred = inferNode(node, opset, (name) => facts.get(name) ?? UNKNOWN);
    for (const [i, name] of node.outputs.entries()) if (name !== "") facts.set(name, inferred[i]!);
  }
  return facts;
}
