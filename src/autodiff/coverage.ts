import { isFloat } from "../onnx/facts.ts";
import { type Graph, type Node, valuesRead } from "../onnx/graph.ts";
import { elementType } from "../onnx/tensor-proto.ts";
import { loweringOf } from "./lowerings.ts";
import { rules, zeroGradient } from "./rules.ts";

/** What is known of an operator's gradient: a rule, that it is zero wherever it exists, or nothing. */
export type GradientSupport = "rule" | "zero" | "none";

/** What is known of the gradient of an operator ("" is the standard domain). */
export function gradientSupport(op: string, domain = ""): GradientSupport {
  if (loweringOf(op, domain)) return "rule";
  if (domain !== "") return "none";
  // A constant has no input that a gradient could flow to.
  if (op === "Constant") return "zero";
  return Object.hasOwn(rules, op) ? "rule" : zeroGradient.has(op) ? "zero" : "none";
}

/** Whether a node's outputs change with one of these values, other than in steps. */
export const dependsOn = (node: Node, values: ReadonlySet<string>): boolean =>
  gradientSupport(node.op, node.domain) !== "zero" &&
  !rounds(node) &&
  valuesRead(node).some((name) => values.has(name));

/** A cast to integers passes no gradient. */
const rounds = ({ op, domain, attributes }: Node): boolean =>
  op === "Cast" && domain === "" && !isFloat(elementType(attributes.int("to", 1)) ?? null);

/** Every value that depends on one of `roots` in that way, the roots included. */
export function dependents(nodes: readonly Node[], roots: readonly string[]): Set<string> {
  const reached = new Set(roots);
  // An empty name is an output, or an input, that is left out.
  for (const node of nodes)
    if (dependsOn(node, reached)) for (const output of node.outputs) if (output !== "") reached.add(output);
  return reached;
}

/**
 * The nodes without a gradient rule on a way from the inputs to the value `output`: those that keep it from being
 * differentiated. Nodes that only compute shapes are not among them.
 */
export function obstacles(graph: Graph, output: string): Node[] {
  const reached = dependents(
    graph.nodes,
    graph.inputs.map((v) => v.name),
  );
  const onTheWay = graph.nodes.filter((node) => dependsOn(node, reached));
  // Backward: what of it leads to the output.
  const wanted = new Set([output]);
  return onTheWay
    .reverse()
    .filter((node) => {
      if (!node.outputs.some((name) => wanted.has(name))) return false;
      for (const name of valuesRead(node)) wanted.add(name);
      return gradientSupport(node.op, node.domain) === "none";
    })
    .reverse();
}
