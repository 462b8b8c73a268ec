import { normalizeAxis } from "../onnx/dims.ts";
import type { Dim, Node } from "../onnx/graph.ts";
import type { inferShapes } from "../onnx/shapes.ts";
import { type Step, scalarIn, step, stepOf, type Walk } from "./head-steps.ts";

export type Facts = ReturnType<typeof inferShapes>;

/** The axes behind the batch that hold more than one value. */
export const wideAxes = (dims: readonly Dim[]): number[] => dims.flatMap((d, i) => (i > 0 && d !== 1 ? [i] : []));

/**
 * The step through what is done to all scores of a sample alike: divided by a number that is not negative, such as their sum,
 * or with a number added. Such as sigmoids of several classes that are made to sum to 1.
 */
export function sharesStep(walk: Walk, facts: Facts, node: Node): Step | undefined {
  const { op, domain, inputs, attributes } = node;
  const value = inputs[0] ?? "";
  const dims = facts.get(value)?.dims;
  const [classes, ...others] = dims ? wideAxes(dims) : [];
  if (!dims || classes === undefined || others.length > 0) return undefined;
  const passed = (): Step => step(op, value, { saturates: false, shares: op !== "Add" });
  // Of one axis only; an old Normalizer goes over the rows of a matrix.
  if (domain === "ai.onnx.ml")
    return op === "Normalizer" && attributes.string("norm", "MAX") !== "MAX" && classes === 1 ? passed() : undefined;
  if (domain !== "") return undefined;
  if (op === "LpNormalization")
    return normalizeAxis(attributes.int("axis", -1), dims.length) === classes ? passed() : undefined;
  const maker = walk.makers.get(inputs[1] ?? "");
  const other = (maker?.op === "Expand" ? maker.inputs[0] : inputs[1]) ?? "";
  const own = facts.get(other)?.dims;
  if (own?.length !== dims.length || own[classes] !== 1) return undefined;
  return op === "Add" || (op === "Div" && isNotNegative(walk, other)) ? passed() : undefined;
}

/** Operators that never give less than 0, and those that do not where their inputs do not. */
const NEVER = new Set(["Exp", "Relu", "Softplus", "Softmax", "Abs", "HardSigmoid", "ReduceL1", "ReduceL2", "Not"]);
const KEEP = new Set(
  "Add Mul Div ReduceSum ReduceMean ReduceMax Cast Reciprocal Sqrt Concat Identity Expand Squeeze Unsqueeze Reshape Flatten Clip Slice Transpose".split(
    " ",
  ),
);

/** Whether a value is 0 or more wherever it is, as far as can be seen. */
function isNotNegative(walk: Walk, name: string): boolean {
  const number = scalarIn(walk, name);
  if (number !== undefined) return number >= 0;
  const node = walk.makers.get(name);
  if (node?.domain !== "") return false;
  if (NEVER.has(node.op) || stepOf(walk, node)?.op === "Sigmoid") return true;
  const all = node.op === "Add" || node.op === "Mul" || node.op === "Div" || node.op === "Concat";
  return KEEP.has(node.op) && (all ? node.inputs : [node.inputs[0]!]).every((input) => isNotNegative(walk, input));
}
