import { PerturbError } from "../errors.ts";
import { isFloat } from "../onnx/facts.ts";
import { describeNode, type Node } from "../onnx/graph.ts";
import { guarded } from "../onnx/guarded.ts";
import type { Ops } from "../onnx/ops.ts";
import { isRecurrence } from "../onnx/recurrence.ts";
import { dependents, dependsOn, type TypeOf } from "./coverage.ts";
import { recurrenceGradient } from "./recurrence.ts";
import type { Amend } from "./residue.ts";
import type { Rule, Rules } from "./rule.ts";
import { unsupported } from "./rules/constants.ts";
import { carriesIntegers } from "./rules/quantization.ts";
import { manyOutputs, rules } from "./rules.ts";
import { isMarked, passedThrough, whereItStops } from "./straight-through.ts";

/** What is sent backwards through a graph: gradients, or the coefficients of linear bounds. */
export interface RuleTable {
  /** How it passes a node. @throws no-gradient where it cannot */
  readonly ruleOf: (b: Ops, node: Node) => Rule;
  /** Whether it passes a node at all, from outputs to one of these values. */
  readonly dependsOn: (node: Node, values: ReadonlySet<string>, typeOf?: TypeOf) => boolean;
  /** Whether a node is passed as if it changed nothing. */
  readonly isIdentity: (node: Node) => boolean;
  /** What reaches a value that several nodes use, added up. */
  readonly sum: (b: Ops, value: string, parts: readonly string[]) => string;
  /** Changes what an input of a node gets. */
  readonly amend?: Amend | undefined;
}

/** The rules of gradients. */
export const gradients: RuleTable = {
  ruleOf: gradientRule,
  dependsOn,
  isIdentity: isMarked,
  sum: (b, _, parts) => b.sum(parts),
};

/**
 * Reverse-mode differentiation: appends the nodes that compute the gradient of ⟨seed, of⟩ with respect to each value
 * of `wrt`, and gives their names in the same order. With another table than that of gradients, it sends something else
 * the same way.
 * @throws no-gradient when an operator on the way has no rule, or none for an input that matters; when no path leads from
 *   a value of `wrt` to `of`; unsupported before opset 7
 */
export function backward(b: Ops, of: string, seed: string, wrt: readonly string[], table = gradients): string[] {
  if (b.opset < 7) throw tooOld(b.opset);
  const typeOf = (name: string) => b.fact(name).type;
  const reached = dependents(b.nodes, wrt, typeOf, table.dependsOn);
  const contributions = new Map<string, string[]>([[of, [seed]]]);
  for (const node of b.nodes.toReversed()) {
    const leads = node.outputs.some((name) => contributions.has(name)) && table.dependsOn(node, reached, typeOf);
    if (leads) guarded(node, "gradient", () => propagate(b, node, reached, contributions, table));
  }
  return wrt.map((name) => {
    const parts = contributions.get(name);
    if (!parts)
      throw new PerturbError(
        "no-gradient",
        `No gradient flows from "${of}" back to "${name}": ${whereItStops(b.nodes, of, reached)}`,
        { data: { input: name, output: of } },
      );
    return table.sum(b, name, parts);
  });
}

function propagate(
  b: Ops,
  node: Node,
  reached: ReadonlySet<string>,
  contributions: Map<string, string[]>,
  table: RuleTable,
): void {
  const gradientOf = (i: number): string | undefined => {
    const name = node.outputs[i] ?? "";
    const arrived = contributions.get(name);
    return arrived && table.sum(b, name, arrived);
  };
  if (table.isIdentity(node)) {
    const [name] = node.inputs;
    const passed = passedThrough(b, node, gradientOf(0));
    if (reached.has(name!)) contribute(contributions, name!, b.sumTo(passed, name!));
    return;
  }
  const rule = table.ruleOf(b, node);
  const many = manyOutputs.has(node.op) || isRecurrence(node);
  const other = node.outputs.find((name, i) => i > 0 && contributions.has(name));
  const g = gradientOf(0);
  if (!many && (g === undefined || other !== undefined))
    throw new PerturbError(
      "no-gradient",
      `${describeNode(node)}: the gradient of its output "${other}" is not available.`,
    );
  if (
    !carriesIntegers.has(node.op) &&
    node.outputs.some((name) => contributions.has(name) && !isFloat(b.fact(name).type))
  )
    throw unsupported(node, "integers for values");
  const wants = (i: number): boolean => reached.has(node.inputs[i] ?? "");
  const gradients = rule({ node, g: g ?? "", gradientOf, x: node.inputs, y: node.outputs[0]!, b, wants });
  if (gradients.length > node.inputs.length && gradients.slice(node.inputs.length).some((part) => part !== null))
    throw new PerturbError(
      "no-gradient",
      `${describeNode(node)} has ${node.inputs.length} inputs, fewer than ${node.op} needs. Check that the model runs.`,
      { data: { op: node.op, node: node.name } },
    );
  node.inputs.forEach((name, i) => {
    if (!wants(i)) return;
    const gradient = gradients[i];
    if (!gradient && isFloat(b.fact(name).type)) throw noRuleForInput(node, i);
    if (!gradient) return;
    const summed = b.sumTo(gradient, name);
    const whole = table.amend?.(node, i, summed, g ?? "") ?? summed;
    contribute(contributions, name, whole);
  });
}

/** Notes a part of what reaches a value. */
function contribute(contributions: Map<string, string[]>, name: string, part: string): void {
  const parts = contributions.get(name);
  if (parts) parts.push(part);
  else contributions.set(name, [part]);
}

function gradientRule(b: Ops, node: Node): Rule {
  if (isRecurrence(node)) return recurrenceGradient(backward);
  const rule = node.domain === "" && Object.hasOwn(rules, node.op) ? (rules as Rules)[node.op] : undefined;
  if (!rule) throw noRule(b, node);
  return rule;
}

const tooOld = (opset: number): PerturbError =>
  new PerturbError(
    "unsupported",
    `The model declares opset ${opset}, and its operators cannot be read as those of opset 7, the oldest that is differentiated. Convert it with onnx.version_converter.convert_version(model, 13), or export it again.`,
    { data: { opset } },
  );

function noRuleForInput(node: Node, i: number): PerturbError {
  const message = `${describeNode(node)}: the gradient of ${node.op} by its input ${i}, "${node.inputs[i]}", is not available. Make that input a constant, or export the model differently.`;
  return new PerturbError("no-gradient", message, { data: { op: node.op, node: node.name, input: node.inputs[i] } });
}

function noRule(b: Ops, node: Node): PerturbError {
  const domain = node.domain || "ai.onnx";
  const message = node.op.startsWith("TreeEnsemble")
    ? `${describeNode(node)}: decision trees (${node.op} of ${domain}) answer in steps and have no gradient. Use an attack that needs none, or a model that is smooth.`
    : `${describeNode(node)}: there is no gradient rule for ${node.op} of ${domain}, opset ${b.opset}. "perturb inspect" lists every operator in the way.`;
  return new PerturbError("no-gradient", message, { data: { op: node.op, node: node.name, domain, opset: b.opset } });
}
