import { type Graph, prune, valuesRead } from "../../onnx/graph.ts";
import { inferShapes } from "../../onnx/shapes.ts";

/**
 * The graph that begins at a value inside it, such as the output of an embedding: that value is an input then, beside those
 * that the rest still needs. Null where no node makes it.
 */
export function fromInside(graph: Graph, name: string): Graph | null {
  const maker = graph.nodes.find((node) => node.outputs.includes(name));
  if (!maker || name === "") return null;
  const fact = inferShapes(graph).get(name);
  // What else the node gives stays.
  const others = maker.outputs.map((output) => (output === name ? "" : output));
  const nodes = graph.nodes.flatMap((node) =>
    node !== maker ? [node] : others.every((output) => output === "") ? [] : [{ ...node, outputs: others }],
  );
  const rest = prune({ ...graph, nodes });
  const read = new Set(rest.nodes.flatMap(valuesRead));
  const inputs = graph.inputs.filter((value) => read.has(value.name));
  return { ...rest, inputs: [{ name, type: fact?.type ?? null, dims: fact?.dims ?? null }, ...inputs] };
}
