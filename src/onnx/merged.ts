import type { AttributeProto } from "onnx-buf";
import type { Graph, Node } from "./graph.ts";

/** Operators that give something else each time. */
const RANDOM = /^(Random|Bernoulli|Multinomial|Dropout)/;

/** What an attribute says; undefined for tensors, types and sub-graphs, which are not compared. */
function saying(attribute: AttributeProto): string | undefined {
  const { name, type, i, f, s, ints, floats, strings, refAttrName } = attribute;
  const { t, g, sparseTensor, tp, tensors, graphs, sparseTensors, typeProtos } = attribute;
  if (t || g || sparseTensor || tp || refAttrName !== "") return undefined;
  if ([tensors, graphs, sparseTensors, typeProtos].some((list) => list.length > 0)) return undefined;
  const said = [f, ...floats].map((v) => (Object.is(v, -0) ? "-0" : v));
  return `${name}:${type}:${i}:${said}:${s}:${ints}:${strings.map((v) => `[${v}]`)}`;
}

/** What a node does; undefined where it may be something else than another one of the same words. */
function doing({ op, domain, outputs, attributes }: Node, inputs: readonly string[]): string | undefined {
  if (RANDOM.test(op)) return undefined;
  const said = attributes.protos.map(saying);
  if (said.includes(undefined)) return undefined;
  const has = outputs.map((name) => (name === "" ? "" : "+"));
  return JSON.stringify([domain, op, inputs, has, said]);
}

const hasSubgraph = ({ attributes }: Node): boolean =>
  attributes.protos.some(({ g, graphs }) => g !== undefined || graphs.length > 0);

/**
 * The graph with each computation once: nodes of the same operator, attributes and inputs become one. Outputs keep their names. One with
 * sub-graphs, which read values by name, stays as it is.
 */
export function merged(graph: Graph): Graph {
  if (graph.nodes.some(hasSubgraph)) return graph;
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const renamed = new Map<string, string>();
  const known = new Map<string, Node>();
  const nodes = graph.nodes.flatMap((node): Node[] => {
    const inputs = node.inputs.map((name) => renamed.get(name) ?? name);
    const key = doing(node, inputs);
    const same = key === undefined ? undefined : known.get(key);
    if (same && !node.outputs.some((name) => outputs.has(name))) {
      for (const [i, name] of node.outputs.entries()) renamed.set(name, same.outputs[i]!);
      return [];
    }
    const { proto: _, ...own } = node;
    const kept = inputs.some((name, i) => name !== node.inputs[i]) ? { ...own, inputs } : node;
    if (key !== undefined && !same) known.set(key, kept);
    return [kept];
  });
  return { ...graph, nodes };
}
