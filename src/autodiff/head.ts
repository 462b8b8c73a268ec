import { normalizeAxis } from "../onnx/dims.ts";
import type { Dim, Graph, Node } from "../onnx/graph.ts";
import { inferShapes } from "../onnx/shapes.ts";
import { columnsStep } from "./head-columns.ts";
import { type Facts, sharesStep, wideAxes } from "./head-shares.ts";
import { type Affine, behindInteger, type LogitsFound, type Step, step, stepOf, type Walk } from "./head-steps.ts";

/**
 * What stands between the logits and the output. `sigmoid`: one for each class; `monotone`: another function that keeps
 * the order of the classes, such as tanh, clipping, or a sigmoid that is scaled.
 */
export type HeadKind = "logits" | "softmax" | "log-softmax" | "sigmoid" | "monotone";

export interface HeadInfo extends LogitsFound {
  readonly kind: HeadKind;
  /** The value holds the logits with the other sign. */
  readonly negated?: true;
  /** The head may round different scores to the same value, as integers and clipping do. */
  readonly rounds?: true;
  /** The scores of a sample are divided by one number, such as their sum. */
  readonly shares?: true;
  /** Operators of the head that could be seen, from the output inwards. */
  readonly through: readonly string[];
  /** The outermost sigmoid, where it stands behind sums and products with numbers alone. */
  readonly sigmoid?: OuterSigmoid;
}

/** The output is scale · σ(logits) + shift; `negated` logits are to be turned first. */
export interface OuterSigmoid extends LogitsFound, Affine {
  readonly negated?: true;
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
/** Those of them that an output [classes, n] does not go through. */
const RESHAPING = new Set(["Flatten", "Squeeze", "Unsqueeze", "Reshape"]);
/** Those of them, and of the steps, that may make different scores equal. */
const ROUNDING = new Set(["Cast", "QuantizeLinear", "Clip", "QLinearSoftmax", "QLinearSigmoid"]);

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
  let turned = false;
  let rounds = false;
  let shares = false;
  let swapped = false;
  /** What has been done to the outermost sigmoid, until something else is seen. */
  let outer: Affine | undefined = { scale: 1, shift: 0 };
  let sigmoid: OuterSigmoid | undefined;
  for (let value = output; ; ) {
    const maker = makers.get(value);
    if (!maker) return found;
    rounds ||= ROUNDING.has(maker.op);
    if (swaps(facts, maker)) {
      swapped = !swapped;
      value = maker.inputs[0]!;
      continue;
    }
    if (swapped && RESHAPING.has(maker.op)) return found;
    if (maker.domain === "" && (TRANSPARENT.has(maker.op) || (maker.op === "Reshape" && keepsClasses(facts, maker)))) {
      value = maker.inputs[0]!;
      continue;
    }
    const softmax = softmaxKind(maker);
    if (softmax && !overClasses(graph, maker, facts, { pooled, swapped })) return found;
    const inner = softmax
      ? step(maker.op, maker.inputs[0]!, { found: behindInteger(maker) })
      : (stepOf(walk, maker) ?? (pooled === undefined && !swapped ? rowStep(walk, facts, maker) : undefined));
    if (!inner) return found;
    const own = { ...inner.found, ...(swapped && { swapped: true as const }) };
    const kind = kindOf(through, softmax ?? inner.op);
    through.push(inner.op);
    value = inner.value;
    if (inner.op === "Sigmoid" && outer) sigmoid ??= { ...outer, ...own, ...(inner.turns && { negated: true }) };
    outer = outerOf(outer, inner);
    turned = turned !== inner.turns;
    shares ||= inner.shares === true;
    // Behind a softmax, the largest score of a turned one is that of the least logit: no head that keeps the order.
    if (softmax && turned) return found;
    if (!inner.saturates) continue;
    const marks = {
      ...(turned && { negated: true as const }),
      ...(rounds && { rounds: true as const }),
      ...(shares && { shares: true as const }),
    };
    found = { kind, ...own, ...marks, through: [...through], ...(sigmoid && { sigmoid }) };
    if (softmax || !isPlain(inner.found)) return found;
  }
}

/** Operators behind which a probability is still one to be told apart, if another unit. */
const PLAIN = new Set(["Clip", "Add", "Sub", "Mul", "Div", "Neg", "LpNormalization", "Normalizer"]);

/** The kind of a head with this operator behind those that were seen. */
function kindOf(through: readonly string[], op: string): HeadKind {
  const others = through.filter((seen) => !PLAIN.has(seen));
  if (op === "softmax" && others.join() === "Log") return "log-softmax";
  if (others.length > 0) return "monotone";
  return op === "softmax" || op === "log-softmax" ? op : op === "Sigmoid" ? "sigmoid" : "monotone";
}

/** What stands before the next step inwards; undefined where that is no sum or product any more. */
function outerOf(outer: Affine | undefined, { op, affine }: Step): Affine | undefined {
  if (op === "Clip") return outer;
  return outer && affine && { scale: outer.scale * affine.scale, shift: outer.shift + outer.scale * affine.shift };
}

function softmaxKind({ op, domain }: Node): "softmax" | "log-softmax" | undefined {
  if (domain === "com.microsoft" && op === "QLinearSoftmax") return "softmax";
  if (domain !== "") return undefined;
  return op === "Softmax" ? "softmax" : op === "LogSoftmax" ? "log-softmax" : undefined;
}

/** Whether a node makes [n, classes] of [classes, n], or the other way round. */
const swaps = (facts: Facts, { op, domain, attributes, inputs }: Node): boolean =>
  op === "Transpose" &&
  domain === "" &&
  facts.get(inputs[0]!)?.dims?.length === 2 &&
  `${attributes.ints("perm", [1, 0])}` === "1,0";

/** Whether a softmax runs over the classes: the one axis behind the batch that holds more than one value, or the first. */
function overClasses(
  graph: Graph,
  node: Node,
  facts: Facts,
  { pooled, swapped }: { readonly pooled: number | undefined; readonly swapped: boolean },
): boolean {
  // The quantised one has the meaning of an opset of its own.
  const opset = graph.opsets.get("") ?? 0;
  const modern = (node.domain === "" ? opset : node.attributes.int("opset", opset)) >= 13;
  const dims = facts.get(node.inputs[0]!)?.dims ?? [null, null];
  const axis = normalizeAxis(node.attributes.int("axis", modern ? -1 : 1), dims.length);
  if (swapped) return modern && axis === 0 && dims.length === 2;
  // The scores of one sample may have no row.
  if (dims.length === 1) return dims[0] !== 1 && facts.get("x")?.dims?.[0] === 1;
  const [batch, ...others] = [...dims.keys()].filter((i) => i !== pooled);
  const wide = others.filter((i) => dims[i] !== 1);
  const first = wide[0] ?? others[0];
  // Before opset 13 all axes from this one on were flattened into one.
  if (!modern) return axis !== batch && axis !== pooled && wide.every((i) => i >= axis) && !(pooled! >= axis);
  return wide.length <= 1 && axis === first;
}

/** Steps of all scores of a sample, which do not go with an axis that is pooled. */
const rowStep = (walk: Walk, facts: Facts, node: Node): Step | undefined =>
  sharesStep(walk, facts, node) ?? columnsStep(walk, facts, node);

/** Whether logits are those of the graph: else they are yet to be made, and nothing is to be seen behind them. */
const isPlain = ({ integers, classifier, columns }: LogitsFound): boolean => !integers && !classifier && !columns;

/** Whether a Reshape only takes away or adds axes of 1. */
function keepsClasses(facts: Facts, { inputs, outputs }: Node): boolean {
  const [before, after] = [facts.get(inputs[0]!)?.dims, facts.get(outputs[0]!)?.dims];
  if (!before || !after) return false;
  const sizes = (dims: readonly Dim[]) => wideAxes(dims).map((i) => dims[i]);
  return `${sizes(before)}` === `${sizes(after)}` && sizes(before).every((d) => typeof d === "number");
}
