import { isQuantized } from "../onnx/facts.ts";
import { type Graph, type Node, type ValueType, valuesRead } from "../onnx/graph.ts";
import { inferShapes } from "../onnx/shapes.ts";
import { isFloatCode } from "../onnx/tensor-proto.ts";
import { loweringOf } from "./lowerings.ts";
import { isStraightThrough } from "./rules/quantization.ts";
import { rules, zeroGradient } from "./rules.ts";
import { isMarked } from "./straight-through.ts";

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

/** The element type of a value, null where it is not known. */
export type TypeOf = (name: string) => ValueType["type"];
const unknownType: TypeOf = () => null;

/** Whether a node's outputs change with one of these values, other than in steps. */
export const dependsOn = (node: Node, values: ReadonlySet<string>, typeOf: TypeOf = unknownType): boolean =>
  (isMarked(node) || (gradientSupport(node.op, node.domain) !== "zero" && !rounds(node, typeOf))) &&
  valuesRead(node).some((name) => values.has(name));

/** A cast to integers passes no gradient, unless it is from the integers of quantised arithmetic, which count as reals. */
const rounds = ({ op, domain, attributes, inputs }: Node, typeOf: TypeOf): boolean =>
  op === "Cast" && domain === "" && !isFloatCode(attributes.int("to", 1)) && !isQuantized(typeOf(inputs[0] ?? ""));

/** Every value that depends on one of `roots` in that way, the roots included. */
export function dependents(
  nodes: readonly Node[],
  roots: readonly string[],
  typeOf: TypeOf = unknownType,
  depends = dependsOn,
): Set<string> {
  const reached = new Set(roots);
  // An empty name is an output, or an input, that is left out.
  for (const node of nodes)
    if (depends(node, reached, typeOf)) for (const output of node.outputs) if (output !== "") reached.add(output);
  return reached;
}

/** The nodes through which the values `outputs` change with the inputs, other than in steps. */
function onTheWay(graph: Graph, outputs: readonly string[]): Node[] {
  const facts = inferShapes(graph);
  const typeOf: TypeOf = (name) => facts.get(name)?.type ?? null;
  const inputs = graph.inputs.map((v) => v.name);
  const reached = dependents(graph.nodes, inputs, typeOf);
  // Backward: what of it leads to the output.
  const wanted = new Set(outputs);
  return graph.nodes
    .filter((node) => dependsOn(node, reached, typeOf))
    .reverse()
    .filter((node) => {
      if (!node.outputs.some((name) => wanted.has(name))) return false;
      for (const name of valuesRead(node)) wanted.add(name);
      return true;
    })
    .reverse();
}

/**
 * The nodes without a gradient rule on a way from the inputs to the values `outputs`: those that keep them from being
 * differentiated. Nodes that only compute shapes are not among them.
 */
export const obstacles = (graph: Graph, outputs: readonly string[]): Node[] =>
  onTheWay(graph, outputs).filter((node) => !isMarked(node) && gradientSupport(node.op, node.domain) === "none");

/** How many nodes on that way step, and pass the gradient straight through: those that quantise, and those that were asked to. */
export const straightThrough = (graph: Graph, output: string): number =>
  onTheWay(graph, [output]).filter((node) => isMarked(node) || isStraightThrough(node)).length;

/** Whether the condition of an If changes with the elements of a value: it then takes one way for a whole batch. */
export function branchesOn(graph: Graph, root: string): true | undefined {
  const reached = new Set([root]);
  const found = graph.nodes.some((node) => {
    if (node.op === "Shape" || node.op === "Size") return false;
    if (node.op === "If" && node.domain === "" && reached.has(node.inputs[0]!)) return true;
    if (valuesRead(node).some((name) => reached.has(name)))
      for (const name of node.outputs) if (name !== "") reached.add(name);
    return false;
  });
  return found || undefined;
}
