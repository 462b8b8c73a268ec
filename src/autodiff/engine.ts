import { PerturbError } from "../errors.ts";
import { describeNode, type Node } from "../onnx/graph.ts";
import type { Ops } from "../onnx/ops.ts";
import type { Rules } from "./rule.ts";
import { rules as allRules, zeroGradient } from "./rules.ts";

/**
 * Reverse-mode differentiation: appends the nodes that compute the gradient of ⟨seed, of⟩ with respect to each value
 * of `wrt`, and gives their names in the same order.
 * @throws no-gradient when an operator on the way has no rule, or no path leads from a value of `wrt` to `of`
 */
export function backward(b: Ops, of: string, seed: string, wrt: readonly string[]): string[] {
  const reached = dependents(b.nodes, wrt);
  const contributions = new Map<string, string[]>([[of, [seed]]]);
  for (const node of b.nodes.toReversed()) {
    if (!node.outputs.some((name) => reached.has(name) && contributions.has(name))) continue;
    propagate(b, node, reached, contributions);
  }
  return wrt.map((name) => {
    const parts = contributions.get(name);
    if (!parts)
      throw new PerturbError("no-gradient", `No gradient flows from "${of}" back to "${name}": the path between them is constant or made of integers. Check that "${name}" is the input that matters.`, { data: { input: name, output: of } });
    return b.sum(parts);
  });
}

/** Every value that depends on one of `roots`, the roots included. */
function dependents(nodes: readonly Node[], roots: readonly string[]): Set<string> {
  const reached = new Set(roots);
  for (const node of nodes)
    if (node.inputs.some((name) => reached.has(name))) for (const output of node.outputs) reached.add(output);
  return reached;
}

function propagate(b: Ops, node: Node, reached: ReadonlySet<string>, contributions: Map<string, string[]>): void {
  if (node.domain === "" && zeroGradient.has(node.op)) return;
  const rule = node.domain === "" ? (allRules as Rules)[node.op] : undefined;
  if (!rule) throw noRule(b, node);
  const y = node.outputs[0]!;
  const arrived = contributions.get(y);
  if (!arrived) throw new PerturbError("no-gradient", `${describeNode(node)}: the gradient of its output "${node.outputs.find((o) => contributions.has(o))}" is not available.`);
  const g = b.sum(arrived);
  contributions.set(y, [g]);
  const wants = (i: number): boolean => reached.has(node.inputs[i] ?? "");
  const gradients = rule({ node, g, x: node.inputs, y, b, wants });
  if (gradients.length > node.inputs.length && gradients.slice(node.inputs.length).some((part) => part !== null))
    throw new PerturbError("internal", `The rule of ${node.op} gave ${gradients.length} gradients for ${node.inputs.length} inputs.`);
  node.inputs.forEach((name, i) => {
    const gradient = gradients[i];
    if (gradient && wants(i)) contributions.set(name, [...(contributions.get(name) ?? []), b.sumTo(gradient, name)]);
  });
}

function noRule(b: Ops, node: Node): PerturbError {
  const domain = node.domain || "ai.onnx";
  const message = `${describeNode(node)}: there is no gradient rule for ${node.op} of ${domain}, opset ${b.opset}. "perturb inspect" lists every operator in the way.`;
  return new PerturbError("no-gradient", message, { data: { op: node.op, node: node.name, domain, opset: b.opset } });
}
