import { type TensorProto, TensorProto_DataLocation } from "onnx-buf";
import { own } from "../own.ts";
import { product } from "../tensor.ts";
import { checkedFact, type Fact, hasFloats, isIntegral, SMALL, tensorFact, UNKNOWN } from "./facts.ts";
import type { Graph, Node } from "./graph.ts";
import { guarded } from "./guarded.ts";
import { shapeRulesOf } from "./shape-rules.ts";
import { elementType, readTensor } from "./tensor-proto.ts";

export function constantFact(proto: TensorProto): Fact {
  const dims = proto.dims.map(Number);
  const type = elementType(proto.dataType) ?? null;
  const external = proto.dataLocation === TensorProto_DataLocation.EXTERNAL;
  const read = isIntegral(type) || (hasFloats(type) && !external);
  return read && product(dims) <= SMALL ? tensorFact(readTensor(proto)) : { type, dims };
}

/** The facts of a node's outputs; unknown where no rule is known or its inputs are. @throws invalid-file */
export function inferNode(node: Node, opset: number, lookup: (name: string) => Fact): readonly Fact[] {
  const rule = own(own(shapeRulesOf, node.domain) ?? {}, node.op);
  // A node without inputs that needs some is for the runtime to refuse.
  if (!rule || (node.inputs.length === 0 && node.op !== "Constant")) return node.outputs.map(() => UNKNOWN);
  const input = (i: number): Fact => (node.inputs[i] ? lookup(node.inputs[i]) : UNKNOWN);
  const result = guarded(node, "shape", () => rule({ node, opset, input }));
  const facts: readonly Fact[] = isList(result) ? result : [result];
  return node.outputs.map((_, i) => checkedFact(facts[i] ?? UNKNOWN));
}

const isList = (value: Fact | readonly Fact[]): value is readonly Fact[] => Array.isArray(value);

/** The facts of every value of a graph, without running it. @throws invalid-file */
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
