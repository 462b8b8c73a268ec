import type { Graph, Node } from "../onnx/graph.ts";
import { readTensor } from "../onnx/tensor-proto.ts";

/** The value of logits, which may be integers with a scale and a zero point, or what a linear classifier made of them. */
export interface LogitsFound {
  readonly logits: string;
  /** Of ai.onnx.ml: its scores are the logits before its own post_transform. */
  readonly classifier?: Node;
  /** Of its scores, this one. */
  readonly column?: number;
  /** One of them for each class, side by side. */
  readonly columns?: readonly LogitsFound[];
  /** The value is [classes, n]. */
  readonly swapped?: true;
  readonly integers?: { readonly scale: string; readonly zero: string | undefined };
}

/** One step from the output inwards, through a function of each score that keeps the order of the classes, or turns it. */
export interface Step {
  readonly op: string;
  readonly value: string;
  readonly saturates: boolean;
  readonly found: LogitsFound;
  /** The score is this times the value, plus this: what is left out is no such function. */
  readonly affine?: Affine;
  /** Whether the largest value has the smallest score. */
  readonly turns: boolean;
  /** Whether the scores of a sample are divided by one number, such as their sum. */
  readonly shares?: boolean;
}

export interface Affine {
  readonly scale: number;
  readonly shift: number;
}

/** A graph and who makes its values. */
export interface Walk {
  readonly graph: Graph;
  readonly makers: ReadonlyMap<string, Node>;
}

/** Increasing functions of each element, which flatten where it is far from 0: through them a gradient vanishes. */
const SATURATING = new Set(["Sigmoid", "HardSigmoid", "Tanh", "Softsign", "Atan", "Erf", "Clip", "Softplus"]);
/** Increasing functions that do not: by themselves they are no head. */
const RISING = new Set(["Log", "Sqrt"]);

/** The step that a node is, if it is one. */
export const stepOf = (walk: Walk, node: Node): Step | undefined =>
  sigmoidInput(walk, node) ?? elementwise(node) ?? scaledInput(walk, node);

export const step = (op: string, value: string, more: Partial<Step> = {}): Step => ({
  op,
  value,
  saturates: true,
  found: { logits: value },
  turns: false,
  ...more,
});

/** The input of a node that may be one of the quantised kind, with the scale and zero point of its integers. */
export function behindInteger({ inputs }: Node): LogitsFound {
  const [logits, scale, zero] = inputs as [string, ...string[]];
  return { logits, ...(scale !== undefined && { integers: { scale, zero } }) };
}

function elementwise(node: Node): Step | undefined {
  const { op, domain, inputs } = node;
  const input = inputs[0]!;
  if (domain === "com.microsoft" && op === "QLinearSigmoid")
    return step("Sigmoid", input, { found: behindInteger(node) });
  if (op === "LinearClassifier" && domain === "ai.onnx.ml") return ofClassifier(node);
  if (domain !== "") return undefined;
  if (op === "Neg") return step(op, input, { saturates: false, turns: true, affine: { scale: -1, shift: 0 } });
  return SATURATING.has(op) || RISING.has(op) ? step(op, input, { saturates: SATURATING.has(op) }) : undefined;
}

/** The sigmoids of a linear classifier of several scores: of one, it makes two. */
function ofClassifier(node: Node): Step | undefined {
  const { attributes, outputs } = node;
  const scores = outputs[1];
  const isLogistic = attributes.string("post_transform", "NONE") === "LOGISTIC";
  if (!scores || !isLogistic || attributes.floats("intercepts", []).length < 2) return undefined;
  return step("Sigmoid", scores, { found: { logits: scores, classifier: node } });
}

/** The z of a sigmoid that was written out: 1 / (1 + exp(-z)), its reciprocal form, or exp(z) / (1 + exp(z)). */
function sigmoidInput(walk: Walk, { op, domain, inputs }: Node): Step | undefined {
  if (domain !== "" || (op !== "Reciprocal" && op !== "Div")) return undefined;
  const exponential = onePlus(walk, op === "Div" ? inputs[1]! : inputs[0]!);
  if (exponential?.op !== "Exp") return undefined;
  if (op === "Div" && inputs[0] === exponential.outputs[0]) return step("Sigmoid", exponential.inputs[0]!);
  if (op === "Div" && scalarIn(walk, inputs[0]!) !== 1) return undefined;
  const negative = walk.makers.get(exponential.inputs[0]!);
  const inner = negative && stepOf(walk, negative);
  const isNegated = inner?.affine?.scale === -1 && inner.affine.shift === 0;
  // Of any other exponent, the sigmoid is that of its negative.
  return isNegated ? step("Sigmoid", inner.value) : step("Sigmoid", exponential.inputs[0]!, { turns: true });
}

/** What makes the other summand of 1 + … */
function onePlus(walk: Walk, sum: string): Node | undefined {
  const node = walk.makers.get(sum);
  if (node?.op !== "Add") return undefined;
  const at = node.inputs.findIndex((name) => scalarIn(walk, name) === 1);
  return at < 0 ? undefined : walk.makers.get(node.inputs[1 - at]!);
}

/** Times or divided by a number, plus or minus one, or such a number minus it: the same for every class. */
function scaledInput(walk: Walk, { op, domain, inputs }: Node): Step | undefined {
  if (domain !== "" || inputs.length !== 2) return undefined;
  const [first, second] = inputs.map((name) => scalarIn(walk, name));
  const at = first === undefined ? 0 : 1;
  const number = first ?? second;
  if (number === undefined || (first !== undefined && second !== undefined)) return undefined;
  const affine = affineOf(op, number, at === 1);
  return affine && step(op, inputs[at]!, { saturates: false, turns: affine.scale < 0, affine });
}

function affineOf(op: string, number: number, isFirst: boolean): Affine | undefined {
  if (op === "Add") return { scale: 1, shift: number };
  if (op === "Sub") return isFirst ? { scale: -1, shift: number } : { scale: 1, shift: -number };
  if (number === 0) return undefined;
  if (op === "Mul") return { scale: number, shift: 0 };
  return op === "Div" && !isFirst ? { scale: 1 / number, shift: 0 } : undefined;
}

/** The number in a constant of one element. */
export function scalarIn({ graph, makers }: Walk, name: string): number | undefined {
  const stored = graph.initializers.get(name);
  if (stored?.dims.some((d) => d !== 1n)) return undefined;
  const maker = makers.get(name);
  const constant = maker?.op === "Constant" ? maker.attributes : undefined;
  const data = (stored ? readTensor(stored) : constant?.tensor("value"))?.data;
  const number = data?.length === 1 ? Number(data[0]) : data ? undefined : constant?.float("value_float", undefined);
  return Number.isFinite(number) ? number : undefined;
}
