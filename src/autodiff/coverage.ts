import { type Graph, type Node, valuesRead } from "../onnx/graph.ts";
import { rules, zeroGradient } from "./rules.ts";

/** What is known of an operator's gradient: a rule, that it is zero wherever it exists, or nothing. */
export type GradientSupport = "rule" | "zero" | "none";

/** What is known of the gradient of an operator ("" is the standard domain). */
export function gradientSupport(op: string, domain = ""): GradientSupport {
  if (domain !== "") return "none";
  // A constant has no input that a gradient could flow to.
  if (op === "Constant") return "zero";
  return Object.hasOwn(rules, op) ? "rule" : zeroGradient.has(op) ? "zero" : "none";
}

/**
 * The nodes without a gradient rule on a way from the inputs to the value `output`: those that keep it from being
 * differentiated. Nodes that only compute shapes are not among them.
 */
export function obstacles(graph: Graph, output: string): Node[] {
  // Forward: what depends on the inputs other than through a derivative of zero.
  const reached = new Set(graph.inputs.map((v) => v.name));
  const onTheWay = graph.nodes.filter((node) => {
    const depends =
      gradientSupport(node.op, node.domain) !== "zero" && valuesRead(node).some((name) => reached.has(name));
    if (depends) for (const name of node.outputs) reached.add(name);
    return depends;
  });
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
