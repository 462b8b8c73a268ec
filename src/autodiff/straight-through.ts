import { didYouMean, PerturbError } from "../errors.ts";
import { describeDims, describeNode, type Graph, type Node, valuesRead } from "../onnx/graph.ts";
import type { Ops } from "../onnx/ops.ts";
import { isFloatCode } from "../onnx/tensor-proto.ts";
import { option } from "../option.ts";

/**
 * Nodes that pass the gradient unchanged because somebody asked for it (BPDA: Athalye et al. 2018,
 * https://arxiv.org/abs/1802.00420, §4.1, with the identity for the backward pass). They are told by the end of their names,
 * which every copy of the graph keeps and no runtime reads.
 */
const MARK = " (straight through)";

/** The name of a node that passes the gradient unchanged. */
export const straightThroughName = (name: string): string => `${name}${MARK}`;

/** Whether a node was asked to pass the gradient unchanged. */
export const isMarked = ({ name }: Node): boolean => name.endsWith(MARK);

/** Operators that step, and whose input and output are alike: what the identity may stand for. */
const STEPS: ReadonlySet<string> = new Set(["Round", "Floor", "Ceil", "Sign", "Cast"]);

/**
 * The graph in which nodes pass the gradient unchanged: all of an operator, of Cast those to integers, or one by its name.
 * @throws usage for what is neither
 */
export function markStraightThrough(graph: Graph, wanted: readonly string[] = []): Graph {
  const missing = new Set(wanted);
  const nodes = graph.nodes.map((node) => {
    const by = wanted.filter((word) => word !== "" && (word === node.name || (word === node.op && steps(node))));
    for (const word of by) missing.delete(word);
    if (by.length === 0 || isMarked(node)) return node;
    // What stood in the file has the old name.
    const { proto: _, ...own } = node;
    return { ...own, name: straightThroughName(node.name || node.outputs[0]!) };
  });
  const [first] = missing;
  if (first === undefined) return { ...graph, nodes };
  const own = graph.nodes.filter(({ op }) => op === first);
  if (own.length > 0) {
    const above = [...new Set(graph.nodes.filter(({ op }) => op.startsWith("Greater")).map(({ op }) => op))];
    throw new PerturbError(
      "usage",
      `${option("straightThrough", [first])} is for what steps, and ${own.length === 1 ? `the only ${first} of the model does not` : `none of the ${own.length} ${first} nodes of the model does`}: it makes real numbers, with a gradient of its own where there is one.${above.length > 0 ? ` What steps is ${above.join(" and ")} (${option("straightThrough", above)}).` : ""} Leave out ${first}.`,
      { data: { straightThrough: first } },
    );
  }
  const known = new Set(graph.nodes.flatMap(({ op, name }) => [op, ...(name ? [name] : [])]));
  const stepping = [...new Set(graph.nodes.filter(isStep).map(({ op }) => op))];
  throw new PerturbError(
    "usage",
    `${option("straightThrough")} takes operators and names of nodes, and the model has no "${first}". ${
      stepping.length > 0 ? `Of those that step it has ${stepping.join(", ")}.` : "It has none that steps."
    }${didYouMean(first, known)}`,
    { data: { straightThrough: first } },
  );
}

/** A cast between real numbers has a gradient of its own. */
const steps = ({ op, attributes }: Node): boolean => op !== "Cast" || !isFloatCode(attributes.int("to", 1));
const isStep = (node: Node): boolean => node.domain === "" && STEPS.has(node.op) && steps(node);

/** The gradient of a marked node by its first input. @throws no-gradient where the output is of another shape, or not in use */
export function passedThrough(b: Ops, node: Node, g: string | undefined): string {
  const [from, to] = [b.fact(node.inputs[0]!).dims, b.fact(node.outputs[0]!).dims];
  const alike =
    !from || !to || (from.length === to.length && from.every((d, i) => typeof d === "string" || d === to[i]));
  if (g !== undefined && alike) return g;
  throw new PerturbError(
    "no-gradient",
    `${describeNode(node)} makes ${describeDims(to)} of ${describeDims(from)}, and the gradient can pass straight through only where both are alike. Leave it out of ${option("straightThrough")}.`,
    { data: { op: node.op, node: node.name } },
  );
}

/** Where the way from values to `of` ends: nodes that read some of `reached` and pass nothing on, in a sentence. */
export function whereItStops(nodes: readonly Node[], of: string, reached: ReadonlySet<string>): string {
  const wanted = new Set([of]);
  const stops: Node[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((name) => wanted.has(name))) continue;
    for (const name of valuesRead(node)) wanted.add(name);
    const ends = !node.outputs.some((name) => reached.has(name)) && valuesRead(node).some((name) => reached.has(name));
    if (ends && node.op !== "Shape" && node.op !== "Size") stops.unshift(node);
  }
  if (stops.length === 0) return "nothing leads from the one to the other. Check that it is the input that matters.";
  const named = stops.slice(0, 3).map(describeNode).join(", ");
  const more = stops.length > 3 ? `, and at ${stops.length - 3} more nodes` : "";
  const ways = [...new Set(stops.filter(isStep).map(({ op }) => op))];
  const advice =
    ways.length > 0
      ? `To attack it as if these did not step, let the gradient pass straight through them (${option("straightThrough", ways)}).`
      : "Its derivative is zero wherever it exists.";
  return `it stops at ${named}${more}. ${advice}`;
}
