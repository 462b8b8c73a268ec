import type { AttributeProto, GraphProto, NodeProto } from "onnx-buf";
import { ownValues } from "./attributes.ts";

/** How the names in a node are rewritten, those inside its sub-graphs included. */
export interface Renaming {
  /** The new name of a value of the graph that the node stands in. */
  readonly value: (name: string) => string;
  /** The new name of a value that a sub-graph has to itself. */
  readonly own: (name: string) => string;
  /** The attribute that a function was called with; without this, references to attributes stay. */
  readonly argument?: (name: string) => AttributeProto | undefined;
  /** Told of each node, at any depth: to stop where there are too many. */
  readonly count?: (node: NodeProto) => void;
}

/** A copy of a message with some fields changed; fields that are not set keep their defaults. */
export const altered = <T extends object>(message: T, changes: Partial<T>): T =>
  Object.assign(Object.create(Object.getPrototypeOf(message)), message, changes);

/** A node under new names. What a sub-graph makes itself hides what is outside of it. */
export function renameNode(node: NodeProto, renaming: Renaming): NodeProto {
  renaming.count?.(node);
  const value = (name: string): string => (name === "" ? "" : renaming.value(name));
  return altered(node, {
    input: node.input.map(value),
    output: node.output.map(value),
    attribute: renameAttributes(node.attribute, renaming),
  });
}

/** The attributes of a node, with references to those of a function call replaced, or left out where it gives none. */
function renameAttributes(attributes: readonly AttributeProto[], renaming: Renaming): AttributeProto[] {
  return attributes.flatMap((attribute) => {
    const { name, refAttrName, g, graphs } = attribute;
    if (refAttrName && renaming.argument) {
      // Its graphs, if it has any, stand in the caller's names.
      const argument = renaming.argument(refAttrName);
      return argument ? [altered(argument, { name })] : [];
    }
    if (!g && graphs.length === 0) return [attribute];
    const changes = { graphs: graphs.map((graph) => renameGraph(graph, renaming)) };
    return [altered(attribute, g ? { ...changes, g: renameGraph(g, renaming) } : changes)];
  });
}

function renameGraph(graph: GraphProto, renaming: Renaming): GraphProto {
  const own = new Map<string, string>();
  for (const name of ownValues(graph)) if (!own.has(name)) own.set(name, renaming.own(name));
  const value = (name: string): string => own.get(name) ?? renaming.value(name);
  const named = <T extends { name: string }>(message: T): T =>
    altered<{ name: string }>(message, { name: value(message.name) }) as T;
  return altered(graph, {
    input: graph.input.map(named),
    output: graph.output.map(named),
    initializer: graph.initializer.map(named),
    sparseInitializer: graph.sparseInitializer.map((t) => (t.values ? altered(t, { values: named(t.values) }) : t)),
    node: graph.node.map((node) => renameNode(node, { ...renaming, value })),
    valueInfo: [],
    quantizationAnnotation: [],
  });
}
