import type { FunctionProto, GraphProto, NodeProto, TensorProto } from "onnx-buf";
import { PerturbError } from "../errors.ts";
import type { GraphBuilder } from "./builder.ts";
import { describeNode, type Node } from "./graph.ts";
import { readNode } from "./node-proto.ts";
import { altered, type Renaming, renameNode } from "./subgraphs.ts";
import { checkTensor } from "./tensor-proto.ts";
import { sortNodes } from "./topology.ts";

/** A sub-graph or the body of a function: nodes to be put, in topological order, where a node is. */
export interface Body {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly initializers: readonly TensorProto[];
  readonly nodes: readonly NodeProto[];
}

/** @param where names the node that holds it, for errors. @throws invalid-file */
function graphBody(graph: GraphProto, where: string): Body {
  for (const t of graph.initializer) checkTensor(t, where);
  const inputs = graph.input.map((v) => v.name);
  const outputs = graph.output.map((v) => v.name);
  const given = [...inputs, ...graph.initializer.map((t) => t.name)];
  return { inputs, outputs, initializers: graph.initializer, nodes: sorted(graph.node, given, where) };
}

/** @throws invalid-file */
export function functionBody({ input, output, node, name }: FunctionProto): Body {
  return { inputs: input, outputs: output, initializers: [], nodes: sorted(node, input, `function ${name}`) };
}

function sorted(protos: readonly NodeProto[], inputs: readonly string[], where: string): NodeProto[] {
  const nodes = protos.map(readNode);
  const made = new Set(nodes.flatMap((node) => node.outputs));
  // What it does not make comes from outside, or is missing: whoever places it can tell.
  const outside = nodes.flatMap((node) => node.inputs).filter((name) => !made.has(name));
  return sortNodes(nodes, new Set([...inputs, ...outside]), [], where).map((node) => node.proto!);
}

/**
 * The nodes of a body under new names, one after the other.
 * @param bound values that have a name already: inputs, initializers, and outputs that are to have a certain name
 * @param outside says what a name means that the body neither makes nor is given
 * @returns the new name of each output
 */
export function instantiate(
  body: Body,
  bound: ReadonlyMap<string, string>,
  { value: outside, own, ...rest }: Renaming,
  place: (node: Node) => void,
): string[] {
  const names = new Map(bound);
  for (const node of body.nodes)
    for (const name of node.output) if (name !== "" && !names.has(name)) names.set(name, own(name));
  const value = (name: string): string => names.get(name) ?? outside(name);
  for (const node of body.nodes) {
    const renamed = renameNode(node, { ...rest, value, own });
    // No runtime takes two nodes of one name.
    place(readNode(node.name === "" ? renamed : altered(renamed, { name: own(node.name) })));
  }
  return body.outputs.map(value);
}

/** Puts the sub-graph of a node into the graph, its inputs bound to values, and gives the values of its outputs. */
export type Inline = (
  node: Node,
  graph: GraphProto,
  inputs: readonly string[],
  place: (node: Node) => void,
) => readonly string[];

/** @throws, when it is used, invalid-file; unsupported where it is beyond the builder's budget */
export function inliner(b: GraphBuilder): Inline {
  const opened = new WeakMap<GraphProto, { body: Body; initializers: ReadonlyMap<string, string> }>();
  const open = (graph: GraphProto, where: string) => {
    const known = opened.get(graph);
    if (known) return known;
    const body = graphBody(graph, where);
    const entry = { body, initializers: new Map(body.initializers.map((t) => [t.name, b.adopt(t)])) };
    opened.set(graph, entry);
    return entry;
  };
  return (node, graph, inputs, place) => {
    const where = describeNode(node);
    const { body, initializers } = open(graph, where);
    const count = (made: NodeProto): void => {
      b.budget.node(made, () => where);
      // Placed once more, for good, when all that stands beside it is written out.
      b.budget.spend({ nodes: 1 }, () => where);
    };
    // A sub-graph without nodes is no less work.
    b.budget.spend({ nodes: 1 }, () => where);
    if (body.inputs.length !== inputs.length)
      throw new PerturbError(
        "invalid-file",
        `${where}: its sub-graph takes ${body.inputs.length} inputs, and gets ${inputs.length}. Check that the model runs.`,
      );
    const bound = new Map([...initializers, ...body.inputs.map((name, i): [string, string] => [name, inputs[i]!])]);
    const value = (name: string): string => {
      if (b.has(name)) return name;
      throw new PerturbError("invalid-file", `${where}: its sub-graph uses "${name}", which nothing makes.`);
    };
    return instantiate(body, bound, { value, own: (name) => b.fresh(name), count }, place);
  };
}
