import type { TensorProto } from "onnx-buf";
import type { Graph, Node } from "../../onnx/graph.ts";
import { altered } from "../../onnx/subgraphs.ts";

/** The tensor of a Constant node, under the name of its output. */
function constantOf({ op, domain, outputs, attributes }: Node): TensorProto | undefined {
  if (op !== "Constant" || domain !== "") return undefined;
  const t = attributes.protos.find(({ name }) => name === "value")?.t;
  return t && altered(t, { name: outputs[0]! });
}

/** The graph with the tensors of Constant nodes among its initializers. */
export function withConstants(graph: Graph): Graph {
  const constants = graph.nodes.flatMap((node) => constantOf(node) ?? []);
  if (constants.length === 0) return graph;
  return {
    ...graph,
    nodes: graph.nodes.filter((node) => constantOf(node) === undefined),
    initializers: new Map([...graph.initializers, ...constants.map((t) => [t.name, t] as const)]),
  };
}
