import { PerturbError } from "../errors.ts";
import { type Dim, describeDims, type Graph, type GraphValue, type Node, valuesRead } from "./graph.ts";

/** The graph with values renamed; names that are not in the map stay. @throws unsupported when a sub-graph uses one */
export function renameValues(graph: Graph, names: ReadonlyMap<string, string>): Graph {
  if (names.size === 0) return graph;
  const rename = (name: string): string => names.get(name) ?? name;
  const renameNode = (node: Node): Node => {
    for (const name of node.attributes.outerValues())
      if (names.has(name))
        throw new PerturbError(
          "unsupported",
          `The value "${name}" is used inside a sub-graph and cannot be renamed. Rename it in the exporter.`,
        );
    const [inputs, outputs] = [node.inputs.map(rename), node.outputs.map(rename)];
    return {
      ...node,
      inputs,
      outputs,
      ...(node.proto && { proto: { ...node.proto, input: inputs, output: outputs } }),
    };
  };
  const touched = (node: Node) => [...valuesRead(node), ...node.outputs].some((name) => names.has(name));
  const renameValue = (value: GraphValue): GraphValue => ({ ...value, name: rename(value.name) });
  return {
    ...graph,
    inputs: graph.inputs.map(renameValue),
    outputs: graph.outputs.map(renameValue),
    nodes: graph.nodes.map((node) => (touched(node) ? renameNode(node) : node)),
    initializers: new Map(
      [...graph.initializers].map(([name, t]) => [rename(name), names.has(name) ? { ...t, name: rename(name) } : t]),
    ),
  };
}

/** The graph in which nothing has one of these names: values that do get another. */
export function freeNames(graph: Graph, wanted: readonly string[]): Graph {
  const taken = new Set([
    ...graph.inputs.map((v) => v.name),
    ...graph.initializers.keys(),
    ...graph.nodes.flatMap((n) => n.outputs),
  ]);
  const moved = wanted
    .filter((name) => taken.has(name))
    .map((name): [string, string] => {
      let other = `${name}_`;
      while (taken.has(other) || wanted.includes(other)) other += "_";
      taken.add(other);
      return [name, other];
    });
  return renameValues(graph, new Map(moved));
}

/** The graph with the shape of one input made fixed: [N, ...sample], unless it fixes the batch itself. @throws mismatch */
export function bindInput(graph: Graph, name: string, sample: readonly number[]): Graph {
  const inputs = graph.inputs.map((value): GraphValue => {
    if (value.name !== name) return value;
    if (value.dims && !fits(value.dims, sample))
      throw new PerturbError(
        "mismatch",
        `The model's input "${name}" is ${describeDims(value.dims)}, which samples of shape [${sample}] do not fit. Give data of that shape, or another model.`,
        {
          data: { input: value.dims, sample },
        },
      );
    const batch: Dim = typeof value.dims?.[0] === "number" ? value.dims[0] : "N";
    return { ...value, dims: [batch, ...sample] };
  });
  return { ...graph, inputs };
}

const fits = (dims: readonly Dim[], sample: readonly number[]): boolean =>
  dims.length === sample.length + 1 &&
  sample.every((size, i) => typeof dims[i + 1] !== "number" || dims[i + 1] === size);
