import { PerturbError } from "../errors.ts";
import { describeNode, type GraphValue, type Node } from "./graph.ts";

/**
 * The nodes in an order in which every value is made before it is used; files that are already sorted keep theirs.
 * @throws invalid-file on a cycle, a value that nothing makes, or one that is made twice
 */
export function sortNodes(
  nodes: readonly Node[],
  given: ReadonlySet<string>,
  outputs: readonly GraphValue[],
  file: string,
): Node[] {
  const makers = new Map<string, Node>();
  for (const node of nodes)
    for (const name of node.outputs) {
      if (name === "") continue;
      if (makers.has(name) || given.has(name))
        throw new PerturbError(
          "invalid-file",
          `${file}: the value "${name}" is made twice, the second time by ${describeNode(node)}.`,
        );
      makers.set(name, node);
    }
  for (const { name } of outputs)
    if (!makers.has(name) && !given.has(name))
      throw new PerturbError("invalid-file", `${file}: nothing makes the output "${name}".`);

  const sorted: Node[] = [];
  const state = new Map<Node, "open" | "done">();
  // An explicit stack: graphs are deep, and files are hostile.
  for (const root of nodes) {
    const stack = state.has(root) ? [] : [enter(root)];
    while (stack.length > 0) {
      const { node, before } = stack.at(-1)!;
      const { value: next } = before.next();
      if (!next) {
        state.set(node, "done");
        sorted.push(node);
        stack.pop();
      } else if (state.get(next) === "open") {
        const cycle = `${describeNode(node)} and ${describeNode(next)}`;
        throw new PerturbError("invalid-file", `${file}: the graph has a cycle through ${cycle}.`);
      } else if (!state.has(next)) stack.push(enter(next));
    }
  }
  return sorted;

  function enter(node: Node) {
    state.set(node, "open");
    return { node, before: dependencies(node, makers, given, file) };
  }
}

/** The nodes that must come before one. */
function* dependencies(
  node: Node,
  makers: ReadonlyMap<string, Node>,
  given: ReadonlySet<string>,
  file: string,
): Generator<Node, undefined> {
  for (const name of node.inputs) {
    if (name === "" || given.has(name)) continue;
    const maker = makers.get(name);
    if (!maker)
      throw new PerturbError("invalid-file", `${file}: ${describeNode(node)} uses "${name}", which nothing makes.`);
    yield maker;
  }
  // What sub-graphs use and nothing here makes is their own.
  for (const name of node.attributes.outerValues()) {
    const maker = makers.get(name);
    if (maker) yield maker;
  }
}
