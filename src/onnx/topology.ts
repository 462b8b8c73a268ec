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
    const stack = [root];
    while (stack.length > 0) {
      const node = stack.at(-1)!;
      if (state.get(node) === "done") {
        stack.pop();
        continue;
      }
      state.set(node, "open");
      const before = missing(node, makers, given, state, file);
      if (before) stack.push(before);
      else {
        state.set(node, "done");
        sorted.push(node);
        stack.pop();
      }
    }
  }
  return sorted;
}

/** A node that must come first and is not done yet. */
function missing(
  node: Node,
  makers: ReadonlyMap<string, Node>,
  given: ReadonlySet<string>,
  state: ReadonlyMap<Node, "open" | "done">,
  file: string,
): Node | undefined {
  for (const name of node.inputs) {
    if (name === "" || given.has(name)) continue;
    const maker = makers.get(name);
    if (!maker)
      throw new PerturbError("invalid-file", `${file}: ${describeNode(node)} uses "${name}", which nothing makes.`);
    const seen = state.get(maker);
    if (seen === "open")
      throw new PerturbError(
        "invalid-file",
        `${file}: the graph has a cycle through ${describeNode(node)} and ${describeNode(maker)}.`,
      );
    if (!seen) return maker;
  }
  return undefined;
}
