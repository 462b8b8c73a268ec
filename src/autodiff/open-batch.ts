import { Attributes } from "../onnx/attributes.ts";
import { multiplyDims, reshapeDims } from "../onnx/dims.ts";
import type { Fact } from "../onnx/facts.ts";
import { type Dim, describeNode, type Graph, type Node } from "../onnx/graph.ts";
import { Ops } from "../onnx/ops.ts";
import { inferShapes } from "../onnx/shapes.ts";
import { readTensor } from "../onnx/tensor-proto.ts";
import { product, type Tensor, tensor } from "../tensor.ts";
import { dependents } from "./coverage.ts";

/** What the size of the batch is called where it is open. */
const OPEN = "N";

/** A graph whose batch may be open, and why it is not, as far as the shapes tell: a clause that names the node. */
export interface OpenedBatch {
  readonly graph: Graph;
  readonly why: string | undefined;
}

/**
 * A classifier's graph with an open batch in place of one of n: constants that say n in a Reshape say what remains instead. Where the batch
 * goes is partly a guess, which only a run proves.
 * @param isWide whether tensors of n equal rows, and sizes that make such, are followed too: class tokens, first states of an LSTM
 */
export function openedBatch(graph: Graph, n: number, isWide: boolean): OpenedBatch {
  const [x] = graph.inputs;
  const of = (size: Dim): Graph => ({ ...graph, inputs: [{ ...x!, dims: [size, ...x!.dims!.slice(1)] }] });
  const fixed = inferShapes(of(n));
  const reached = dependents(graph.nodes, ["x"], (name) => fixed.get(name)?.type ?? null);
  const b = new Ops({ ...of(OPEN), nodes: [] });
  for (const node of graph.nodes) b.reserve(node.outputs);
  let why: string | undefined;
  /** Of each value with the batch, how many elements lie around it: the product of sizes before it, also inside of a merged axis. */
  const around = new Map([["x", 1]]);
  for (const node of graph.nodes) {
    const sized = node.domain === "" ? reshaped(b, node, fixed, n, around) : node;
    const opened = isWide && node.domain === "" ? wide(b, sized, n) : sized;
    b.append(opened);
    follow(b, node, around);
    for (const name of node.outputs) {
      if (!reached.has(name) || hasBatch(b.fact(name))) continue;
      const isFixed = b.fact(name).dims?.every((size) => typeof size === "number");
      why ??= isFixed
        ? `${describeNode(node)} needs it to be that`
        : `the shape that ${describeNode(node)} gives with another one cannot be told`;
    }
  }
  const isWhole = String(b.fact("logits").dims) === String([OPEN, fixed.get("logits")?.dims?.[1]]);
  return { graph: b.finish(["logits"]), why: isWhole ? undefined : why };
}

const axisOf = (dims: readonly Dim[]): number => dims.findIndex((size) => typeof size === "string");
const before = (dims: readonly Dim[], axis: number): number => product(dims.slice(0, axis).map(Number));

/** Says how many elements lie around the batch in what a node gives. */
function follow(b: Ops, { op, inputs, outputs }: Node, around: Map<string, number>): void {
  const from = inputs.find((name) => around.has(name) && hasBatch(b.fact(name)));
  if (from === undefined) return;
  const dims = b.fact(from).dims!;
  const inside = around.get(from)! / before(dims, axisOf(dims));
  for (const name of outputs) {
    const made = b.fact(name).dims ?? [];
    if (op === "Reshape" || op === "Flatten") around.set(name, around.get(from)!);
    else if (axisOf(made) >= 0) around.set(name, before(made, axisOf(made)) * inside);
  }
}

const hasBatch = ({ dims }: Fact): boolean => dims !== null && typeof multiplyDims(dims) === "string";

/** The elements of a small constant of whole numbers. */
function constantSizes(b: Ops, name: string | undefined): readonly number[] | undefined {
  const values = name === undefined ? undefined : b.fact(name).values;
  return values?.every((v) => typeof v === "number") ? values : undefined;
}

/** A node with other fields: what the file said of it no longer holds. */
function rewritten(node: Node, changes: Partial<Node>): Node {
  const { proto: _, ...kept } = node;
  return { ...kept, ...changes };
}

const withInput = (node: Node, i: number, name: string): Node => rewritten(node, { inputs: node.inputs.with(i, name) });

/** A Reshape to constant sizes, with the batch open among them. */
function reshaped(
  b: Ops,
  node: Node,
  fixed: ReadonlyMap<string, Fact>,
  n: number,
  around: ReadonlyMap<string, number>,
): Node {
  const sizes = node.op === "Reshape" ? constantSizes(b, node.inputs[1]) : viewed(b, node);
  const from = b.fact(node.inputs[0] ?? "").dims;
  const to = fixed.get(node.outputs[0]!)?.dims;
  const outer = around.get(node.inputs[0]!);
  if (!sizes || !from || outer === undefined || !to?.every((size) => typeof size === "number") || to.includes(0))
    return node;
  const at = batchIn(to, outer, n);
  if (at < 0) return node;
  const allowsZero = node.attributes.int("allowzero", 0) === 1;
  const isCopied = !allowsZero && from[at] === OPEN && to[at] === n;
  const opened = to.map((size, i) => (i !== at ? size : isCopied ? 0 : -1));
  const isSame = String(reshapeDims(from, sizes, allowsZero)) === String(reshapeDims(from, opened, allowsZero));
  if (node.op === "Reshape") return isSame ? node : withInput(node, 1, b.int64(opened));
  return rewritten(node, { op: "Reshape", inputs: [node.inputs[0]!, b.int64(opened)], attributes: Attributes.none });
}

/** The sizes that a Gather of all elements in their order gives, as PyTorch exports `as_strided`: it does no more than a Reshape. */
function viewed(b: Ops, { op, inputs, attributes }: Node): readonly number[] | undefined {
  if (op !== "Gather" || b.fact(inputs[0]!).dims?.length !== 1 || attributes.int("axis", 0) > 0) return undefined;
  const proto = b.initializer(inputs[1]!);
  if (!proto) return undefined;
  const { dims, data } = readTensor(proto);
  return data.every((v: number | bigint, i: number) => Number(v) === i) ? dims : undefined;
}

/**
 * The axis of a shape that holds the batch, with as many elements around it as before: alone, or merged. Where n = 1 leaves open with which
 * axis, it is the next one, as heads are, unless this is all that a row of the batch has: rows of a matrix are merged.
 */
function batchIn(sizes: readonly number[], around: number, n: number): number {
  const share = (i: number): number => around / before(sizes, i);
  const alone = sizes.findIndex((size, i) => size === n && share(i) === 1);
  if (alone >= 0) return alone;
  const fits = (size: number, i: number): boolean => Number.isInteger(share(i)) && size % (n * share(i)) === 0;
  const last = sizes.findLastIndex(fits);
  const isAll = product(sizes) === around * sizes[last]!;
  return isAll ? sizes.findIndex(fits) : last;
}

/** Operators that make n rows of what does not come from the samples: which input says how many. */
const SPREADING: Readonly<Record<string, number>> = { Expand: 1, Tile: 1, ConstantOfShape: 0 };
/** Operators that take such rows as a tensor: from which input on, and along which axis. */
const TAKING: Readonly<Record<string, readonly [from: number, axis: number]>> = {
  Concat: [0, 0],
  RNN: [5, 1],
  GRU: [5, 1],
  LSTM: [5, 1],
};

/** A node that makes or takes n equal rows, with as many as there are samples. */
function wide(b: Ops, node: Node, n: number): Node {
  const at = Object.hasOwn(SPREADING, node.op) ? SPREADING[node.op]! : -1;
  const sizes = at < 0 ? undefined : constantSizes(b, node.inputs[at]);
  const axis = sizes?.indexOf(n) ?? -1;
  if (sizes && axis >= 0 && !(at === 1 && hasBatch(b.fact(node.inputs[0]!))))
    return withInput(node, at, withBatch(b, sizes, axis));
  const [from, along] = Object.hasOwn(TAKING, node.op) ? TAKING[node.op]! : [Number.POSITIVE_INFINITY, 0];
  return node.inputs.reduce((now, name, i) => {
    const row = i < from ? undefined : equalRow(b, name, along, n);
    if (!row) return now;
    const { dims } = b.fact(name);
    return withInput(now, i, b.add("Expand", [b.constant(row), withBatch(b, dims!.map(Number), along)]));
  }, node);
}

/** The sizes with that of the batch in the place of one. */
function withBatch(b: Ops, sizes: readonly number[], axis: number): string {
  const batch = b.slice(b.shape("x"), [0], [0], [1]);
  const [before, after] = [sizes.slice(0, axis), sizes.slice(axis + 1)];
  const parts = [...(before.length > 0 ? [b.int64(before)] : []), batch, ...(after.length > 0 ? [b.int64(after)] : [])];
  return b.add("Concat", parts, { axis: 0 });
}

/** The row of a float32 constant that has n equal ones along an axis. */
function equalRow(b: Ops, name: string, axis: number, n: number): Tensor | undefined {
  const proto = b.initializer(name);
  const { dims } = b.fact(name);
  if (!proto || proto.rawData.length === 0 || b.fact(name).type !== "float32" || dims?.[axis] !== n) return undefined;
  const sizes = dims.map(Number);
  const { data } = readTensor(proto) as Tensor & { readonly data: Float32Array };
  const inner = product(sizes.slice(axis + 1));
  const first = (i: number) => Math.floor(i / (n * inner)) * n * inner + (i % inner);
  if (!data.every((v, i) => Object.is(v, data[first(i)]))) return undefined;
  return tensor(
    "float32",
    sizes.with(axis, 1),
    data.filter((_, i) => Math.floor(i / inner) % n === 0),
  );
}
