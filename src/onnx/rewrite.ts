import { PerturbError } from "../errors.ts";
import { Attributes } from "./attributes.ts";
import { type Dim, describeDims, type Graph, type GraphValue, type Node, valuesRead } from "./graph.ts";
import { writeNode } from "./node-proto.ts";
import { altered, renameNode } from "./subgraphs.ts";

/** The graph with values renamed, in sub-graphs too; names that are not in the map stay. */
export function renameValues(graph: Graph, names: ReadonlyMap<string, string>): Graph {
  if (names.size === 0) return graph;
  const value = (name: string): string => names.get(name) ?? name;
  // What a sub-graph has to itself makes way: no runtime takes a name twice.
  const ours = new Set([...names.keys(), ...names.values()]);
  const inner = graph.nodes.flatMap((node) => [...node.attributes.innerValues()]);
  const taken = new Set([...ours, ...inner]);
  const own = (name: string): string => (ours.has(name) ? freeName(name, taken) : name);
  const rename = (node: Node): Node => {
    const proto = renameNode(writeNode(node), { value, own });
    const { input: inputs, output: outputs } = proto;
    return { ...node, inputs, outputs, attributes: new Attributes(proto.attribute), ...(node.proto && { proto }) };
  };
  const touched = (node: Node) =>
    [...valuesRead(node), ...node.outputs].some((name) => names.has(name)) ||
    [...node.attributes.innerValues()].some((name) => ours.has(name));
  const renameValue = (v: GraphValue): GraphValue => ({ ...v, name: value(v.name) });
  return {
    ...graph,
    inputs: graph.inputs.map(renameValue),
    outputs: graph.outputs.map(renameValue),
    nodes: graph.nodes.map((node) => (touched(node) ? rename(node) : node)),
    initializers: new Map(
      [...graph.initializers].map(([name, t]) => [
        value(name),
        names.has(name) ? altered(t, { name: value(name) }) : t,
      ]),
    ),
  };
}

/** `name` with as many strokes after it as nothing else has; taken from then on. */
function freeName(name: string, taken: Set<string>): string {
  let other = `${name}_`;
  while (taken.has(other)) other += "_";
  taken.add(other);
  return other;
}

/** The graph in which nothing has one of these names: values that do get another. */
export function freeNames(graph: Graph, wanted: readonly string[]): Graph {
  const taken = new Set([
    ...graph.inputs.map((v) => v.name),
    ...graph.initializers.keys(),
    ...graph.nodes.flatMap((n) => [...n.outputs, ...n.attributes.innerValues()]),
  ]);
  const free = new Set([...taken, ...wanted]);
  const moved = wanted.filter((name) => taken.has(name)).map((name): [string, string] => [name, freeName(name, free)]);
  return renameValues(graph, new Map(moved));
}

/**
 * The graph with the shape of one input made fixed: [N, ...sample], unless it fixes the batch itself; inputs with a row for each
 * sample get the same batch. @throws mismatch
 */
export function bindInput(graph: Graph, name: string, sample: readonly number[]): Graph {
  const size = graph.inputs.find((value) => value.name === name)?.dims?.[0];
  const batch: Dim = typeof size === "number" ? size : "N";
  const inputs = graph.inputs.map((value): GraphValue => {
    if (value.rows) return { ...value, dims: [batch, ...value.rows.values.dims.slice(1)] };
    if (value.name !== name) return value;
    if (value.dims && !fits(value.dims, sample))
      throw new PerturbError(
        "mismatch",
        `The model's input "${name}" is ${describeDims(value.dims)}, which samples of shape [${sample}] do not fit. Give data of that shape, or another model.`,
        {
          data: { input: value.dims, sample },
        },
      );
    return { ...value, dims: [batch, ...sample] };
  });
  return { ...graph, inputs };
}

const fits = (dims: readonly Dim[], sample: readonly number[]): boolean =>
  dims.length === sample.length + 1 &&
  sample.every((size, i) => typeof dims[i + 1] !== "number" || dims[i + 1] === size);
