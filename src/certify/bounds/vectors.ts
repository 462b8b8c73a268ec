import type { Graph, Node } from "../../onnx/graph.ts";
import { Ops } from "../../onnx/ops.ts";
import { inferShapes } from "../../onnx/shapes.ts";

/**
 * The graph with v·Wᵀ for each W·v of a matrix and a vector, which are sums of the same products: vectors of several samples are then rows, and
 * not columns.
 */
export function vectorsAsRows(graph: Graph): Graph {
  const facts = inferShapes(graph);
  const rank = (name: string | undefined): number | undefined => facts.get(name ?? "")?.dims?.length;
  const isOfVector = ({ op, domain, inputs }: Node): boolean =>
    op === "MatMul" && domain === "" && rank(inputs[0]) === 2 && rank(inputs[1]) === 1;
  if (!graph.nodes.some(isOfVector)) return graph;
  const b = new Ops({ ...graph, nodes: [] });
  for (const node of graph.nodes) b.reserve([node.name, ...node.outputs]);
  for (const node of graph.nodes) {
    const { proto: _, ...own } = node;
    const [matrix, vector] = node.inputs;
    b.append(isOfVector(node) ? { ...own, inputs: [vector!, b.transpose(matrix!, [1, 0])] } : node);
  }
  return b.finish(graph.outputs.map(({ name }) => name));
}
