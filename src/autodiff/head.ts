import { normalizeAxis } from "../onnx/dims.ts";
import type { Dim, Graph, Node } from "../onnx/graph.ts";
import { inferShapes } from "../onnx/shapes.ts";
import { readTensor } from "../onnx/tensor-proto.ts";

/**
 * What stands between the logits and the output. `sigmoid`: one for each class; `monotone`: another function that keeps
 * the order of the classes, such as tanh, clipping, or a sigmoid that is scaled.
 */
export type HeadKind = "logits" | "softmax" | "log-softmax" | "sigmoid" | "monotone";

export interface HeadInfo {
  readonly kind: HeadKind;
  /** The value that holds the logits. */
  readonly logits: string;
  /** Scale and zero point of logits that are integers. */
  readonly integers?: { readonly scale: string; readonly zero: string | undefined };
  /** Operators of the head that could be seen, from the output inwards. */
  readonly through: readonly string[];
}

/** Operators that change no class score, but for rounding. */
const TRANSPARENT = new Set([
  "Identity",
  "Flatten",
  "Squeeze",
  "Unsqueeze",
  "Cast",
  "Dropout",
  "QuantizeLinear",
  "DequantizeLinear",
]);

/** Increasing functions of each element, which flatten where it is far from 0: through them a gradient vanishes. */
const SATURATING = new Set(["Sigmoid", "HardSigmoid", "Tanh", "Softsign", "Atan", "Erf", "Clip"]);

/**
 * Where the logits of an output stand: behind a softmax or log-softmax over the classes, or behind increasing functions of
 * each score that saturate, if the graph ends in some. Scaling alone is no head: such logits are taken as they are.
 * @param pooled an axis of the output that is neither batch nor classes
 */
export function findHead(graph: Graph, output: string, pooled?: number): HeadInfo {
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name): [string, Node] => [name, node])));
  const walk = { graph, makers };
  const facts = inferShapes(graph);
  let found: HeadInfo = { kind: "logits", logits: output, through: [] };
  const through: string[] = [];
  for (let value = output; ; ) {
    const maker = makers.get(value);
    if (!maker) return found;
    if (maker.domain === "" && (TRANSPARENT.has(maker.op) || (maker.op === "Reshape" && keepsClasses(facts, maker)))) {
      value = maker.inputs[0]!;
      continue;
    }
    const softmax = softmaxKind(maker);
    if (softmax && !overClasses(graph, maker, facts, pooled)) return found;
    const inner = softmax
      ? { ...step(maker.op, maker.inputs[0]!), logits: behindInteger(maker) }
      : (sigmoidInput(walk, maker) ?? saturatingInput(maker) ?? scaledInput(graph, maker));
    if (!inner) return found;
    const plain = through.every((op) => PLAIN.has(op));
    through.push(inner.op);
    value = inner.value;
    if (!inner.saturates) continue;
    const kind = softmax ?? (inner.op === "Sigmoid" ? "sigmoid" : "monotone");
    found = { kind: plain ? kind : "monotone", ...inner.logits, through: [...through] };
    if (softmax || inner.logits.integers) return found;
  }
}

/** Operators behind which a probability is still one to be told apart, if another unit. */
const PLAIN = new Set(["Clip", "Add", "Sub", "Mul", "Div"]);

interface Walk {
  readonly graph: Graph;
  readonly makers: ReadonlyMap<string, Node>;
}

/** One step from the output inwards. */
interface Step {
  readonly op: string;
  readonly value: string;
  readonly saturates: boolean;
  readonly logits: Pick<HeadInfo, "logits" | "integers">;
}

const step = (op: string, value: string, saturates = true): Step => ({
  op,
  value,
  saturates,
  logits: { logits: value },
});

/** The input of a node that may be one of the quantised kind, with the scale and zero point of its integers. */
function behindInteger({ inputs }: Node): Pick<HeadInfo, "logits" | "integers"> {
  const [logits, scale, zero] = inputs as [string, ...string[]];
  return { logits, ...(scale !== undefined && { integers: { scale, zero } }) };
}

function softmaxKind({ op, domain }: Node): "softmax" | "log-softmax" | undefined {
  if (domain === "com.microsoft" && op === "QLinearSoftmax") return "softmax";
  if (domain !== "") return undefined;
  return op === "Softmax" ? "softmax" : op === "LogSoftmax" ? "log-softmax" : undefined;
}

function saturatingInput(node: Node): Step | undefined {
  const { op, domain, inputs } = node;
  if (domain === "com.microsoft" && op === "QLinearSigmoid")
    return { ...step("Sigmoid", inputs[0]!), logits: behindInteger(node) };
  return domain === "" && SATURATING.has(op) ? step(op, inputs[0]!) : undefined;
}

/** The z of a sigmoid that was written out: 1 / (1 + exp(-z)), its reciprocal form, or exp(z) / (1 + exp(z)). */
function sigmoidInput({ graph, makers }: Walk, { op, domain, inputs }: Node): Step | undefined {
  if (domain !== "" || (op !== "Reciprocal" && op !== "Div")) return undefined;
  const below = op === "Div" ? inputs[1]! : inputs[0]!;
  const exponential = onePlus({ graph, makers }, below);
  if (exponential?.op !== "Exp") return undefined;
  if (op === "Div" && inputs[0] === exponential.outputs[0]) return step("Sigmoid", exponential.inputs[0]!);
  const negative = makers.get(exponential.inputs[0]!);
  const isOne = op === "Reciprocal" || scalarIn(graph, inputs[0]!) === 1;
  return isOne && negative?.op === "Neg" ? step("Sigmoid", negative.inputs[0]!) : undefined;
}

/** What makes the other summand of 1 + … */
function onePlus({ graph, makers }: Walk, sum: string): Node | undefined {
  const node = makers.get(sum);
  if (node?.op !== "Add") return undefined;
  const at = node.inputs.findIndex((name) => scalarIn(graph, name) === 1);
  return at < 0 ? undefined : makers.get(node.inputs[1 - at]!);
}

/** Times or divided by a positive number, plus or minus one: the same for every class. */
function scaledInput(graph: Graph, { op, domain, inputs }: Node): Step | undefined {
  if (domain !== "" || inputs.length !== 2) return undefined;
  const [first, second] = inputs.map((name) => scalarIn(graph, name));
  const at = first === undefined ? 0 : 1;
  const number = first ?? second;
  if (number === undefined || (first !== undefined && second !== undefined)) return undefined;
  const keeps =
    op === "Add" || (op === "Mul" && number > 0) || (at === 0 && (op === "Sub" || (op === "Div" && number > 0)));
  return keeps ? step(op, inputs[at]!, false) : undefined;
}

/** The number in a constant of one element. */
function scalarIn(graph: Graph, name: string): number | undefined {
  const stored = graph.initializers.get(name);
  if (stored?.dims.some((d) => d !== 1n)) return undefined;
  const constant = graph.nodes.find((node) => node.op === "Constant" && node.outputs[0] === name)?.attributes;
  const data = (stored ? readTensor(stored) : constant?.tensor("value"))?.data;
  return data?.length === 1 && Number.isFinite(Number(data[0])) ? Number(data[0]) : undefined;
}

/** Whether a softmax runs over the classes: the one axis behind the batch that holds more than one value, or the first. */
function overClasses(graph: Graph, node: Node, facts: Facts, pooled: number | undefined): boolean {
  // The quantised one has the meaning of an opset of its own.
  const opset = graph.opsets.get("") ?? 0;
  const modern = (node.domain === "" ? opset : node.attributes.int("opset", opset)) >= 13;
  const dims = facts.get(node.inputs[0]!)?.dims ?? [null, null];
  const axis = normalizeAxis(node.attributes.int("axis", modern ? -1 : 1), dims.length);
  const [batch, ...others] = [...dims.keys()].filter((i) => i !== pooled);
  const wide = others.filter((i) => dims[i] !== 1);
  const first = wide[0] ?? others[0];
  // Before opset 13 all axes from this one on were flattened into one.
  if (!modern) return axis !== batch && axis !== pooled && wide.every((i) => i >= axis) && !(pooled! >= axis);
  return wide.length <= 1 && axis === first;
}

type Facts = ReturnType<typeof inferShapes>;

/** The axes behind the batch that hold more than one value. */
const wideAxes = (dims: readonly Dim[]): number[] => dims.flatMap((d, i) => (i > 0 && d !== 1 ? [i] : []));

/** Whether a Reshape only takes away or adds axes of 1. */
function keepsClasses(facts: Facts, { inputs, outputs }: Node): boolean {
  const [before, after] = [facts.get(inputs[0]!)?.dims, facts.get(outputs[0]!)?.dims];
  if (!before || !after) return false;
  const sizes = (dims: readonly Dim[]) => wideAxes(dims).map((i) => dims[i]);
  return `${sizes(before)}` === `${sizes(after)}` && sizes(before).every((d) => typeof d === "number");
}
