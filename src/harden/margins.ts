import { backward } from "../autodiff/engine.ts";
import { isLabel } from "../autodiff/loss.ts";
import { crown } from "../certify/bounds/crown.ts";
import { type Enclosed, enclose } from "../certify/bounds/enclose.ts";
import type { Bounds } from "../model.ts";
import { type Graph, type Node, valuesRead } from "../onnx/graph.ts";
import type { Ops } from "../onnx/ops.ts";
import { product, tensor } from "../tensor.ts";
import { copied } from "./copied.ts";
import { atLabel } from "./methods/losses.ts";

export interface Asked {
  /** The network: `x` to `logits`. */
  readonly graph: Graph;
  readonly bounds: Bounds;
  readonly labels: string;
  /** A scalar. */
  readonly radius: string;
}

/** Numbers of the matrix of the last layers: with more, the intervals of the logits themselves are taken. */
const MOST_NUMBERS = 2 ** 17;

/** Appends the ends of every value of the network over the ball. @throws unsupported for an operator without bounds */
export function enclosedAround(b: Ops, { graph, bounds, radius }: Omit<Asked, "labels">): Enclosed {
  const side = (op: "Max" | "Min", moved: string, limit: number) => b.add(op, [moved, b.scalar(limit, "x")]);
  const lower = side("Max", b.sub("x", radius), bounds.lower);
  const upper = side("Min", b.plus("x", radius), bounds.upper);
  return enclose(b, graph.nodes, {
    boxes: new Map([["x", { centre: "x", lower, upper }]]),
    refine: (_, ends) => ends,
    arithmetic: "real",
  });
}

/**
 * Appends upper bounds of z_k - z_y, [n, classes], over all x' with |x' - x| ≤ radius inside the bounds of the input (interval bound
 * propagation: Gowal et al. 2018, https://arxiv.org/abs/1810.12715, §3). They hold over the real numbers, and are computed in float32: they are
 * what is learned from, and prove nothing. What is linear after the last nonlinear operator is one matrix A with rows for the classes ("elision of the
 * last layer", §3): (A_k - A_y)·m + |A_k - A_y|·r + constant, with the middle m and the radius r of what it gets.
 * @throws unsupported for an operator without bounds
 */
export function worstMargins(b: Ops, asked: Asked, enclosed = enclosedAround(b, asked)): string {
  const { graph, labels } = asked;
  const last = linearEnd(graph, enclosed);
  const elided = last && throughEnd(b, asked, enclosed, last);
  if (elided) return elided;
  const ends = enclosed.values.get("logits")!;
  const truth = b.unsqueeze(atLabel(b, ends.lower, "logits", labels), [1]);
  const margins = b.sub(ends.upper, truth);
  return b.where(isLabel(b, "logits", labels), b.scalar(0, margins), margins);
}

/**
 * Appends the same bounds by lines from the margins back to the input, with the intervals for their slopes (CROWN-IBP: Zhang et al. 2020,
 * https://arxiv.org/abs/1906.06316, §3.2): one row of coefficients for each class. They, too, are computed in float32, and prove nothing.
 * @throws unsupported for an operator without lines
 */
export function lineMargins(b: Ops, asked: Asked, enclosed = enclosedAround(b, asked)): string {
  const [batch, classes] = [b.dims("logits")[0]!, b.size("logits", 1)];
  const identity = Float32Array.from({ length: classes * classes }, (_, i) => (i % (classes + 1) === 0 ? 1 : 0));
  const truth = b.unsqueeze(b.cast(isLabel(b, "logits", asked.labels), "float32"), [1]);
  const rows = b.sub(truth, b.constant(tensor("float32", [1, classes, classes], identity)));
  // As if there were one for each sample: what goes backwards has the shape of what went forwards.
  const seed = b.shaped(b.reshape(rows, [-1, classes]), [batch, classes]);
  const { bound } = crown(b, { input: "x", of: "logits", seed, arithmetic: "real", isFlat: false }, enclosed);
  return b.shaped(b.reshape(b.neg(b.cast(bound, "float32")), [-1, classes]), [batch, classes]);
}

interface LinearEnd {
  /** The one value that the logits are a linear function of. */
  readonly from: string;
  readonly nodes: readonly Node[];
}

/** The end of a network that is linear, where it begins with one value. */
function linearEnd({ nodes }: Graph, { values, relaxed }: Enclosed): LinearEnd | undefined {
  const wanted = new Set(["logits"]);
  const from = new Set<string>();
  const linear: Node[] = [];
  for (const node of nodes.toReversed()) {
    const made = node.outputs.find((name) => wanted.has(name));
    if (made === undefined) continue;
    if (relaxed.has(made)) from.add(made);
    else {
      linear.unshift(node);
      for (const name of node.inputs) if (values.has(name)) wanted.add(name);
    }
  }
  if (wanted.has("x")) from.add("x");
  // Sizes that are computed from a batch would be those of another one.
  const changing = new Set(["x"]);
  for (const node of nodes)
    if (valuesRead(node).some((name) => changing.has(name))) for (const name of node.outputs) changing.add(name);
  const isSized = linear.some(({ inputs }) => inputs.some((name) => changing.has(name) && !values.has(name)));
  return from.size === 1 && !isSized ? { from: [...from][0]!, nodes: linear } : undefined;
}

function throughEnd(b: Ops, { labels }: Asked, { values }: Enclosed, { from, nodes }: LinearEnd): string | undefined {
  const classes = b.size("logits", 1);
  const sizes = b.dims(from).slice(1);
  if (!sizes.every((size) => typeof size === "number") || classes * product(sizes) > MOST_NUMBERS) return undefined;
  const width = product(sizes);
  // A row for each class: the gradient of its logit, the same at every point.
  const anywhere = b.add("Expand", [b.scalar(0, from), b.int64([classes, ...sizes])]);
  const end = copied(b, nodes, new Map([[from, anywhere]])).get("logits")!;
  const identity = Float32Array.from({ length: classes * classes }, (_, i) => (i % (classes + 1) === 0 ? 1 : 0));
  const seed = b.constant(tensor("float32", [classes, classes], identity));
  const matrix = b.reshape(backward(b, end, seed, [anywhere])[0]!, [classes, width]);
  const isTruth = b.cast(isLabel(b, "logits", labels), "float32");
  const difference = b.sub(b.unsqueeze(matrix, [0]), b.unsqueeze(b.matmul(isTruth, matrix), [1]));
  const column = (value: string) => b.reshape(value, [-1, width, 1]);
  const half = b.scalar(0.5, from);
  const { lower, upper } = values.get(from)!;
  const off = column(b.sub(b.mul(b.plus(lower, upper), half), from));
  const reach = column(b.mul(b.sub(upper, lower), half));
  const rise = b.plus(b.matmul(difference, off), b.matmul(b.add("Abs", [difference]), reach));
  const margins = b.sub("logits", b.unsqueeze(atLabel(b, "logits", "logits", labels), [1]));
  return b.plus(margins, b.squeeze(rise, [2]));
}
