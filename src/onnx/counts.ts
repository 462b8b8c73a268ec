import { AttributeProto_AttributeType as Kind } from "onnx-buf";
import { PerturbError } from "../errors.ts";
import { product } from "../tensor.ts";
import { type Fact, UNKNOWN } from "./facts.ts";
import { type Dim, describeDims, describeNode, type Graph, type Node } from "./graph.ts";
import { readNode } from "./node-proto.ts";
import { inferShapes } from "./shapes.ts";

/**
 * What native code takes as it is, and ends the process over where it cannot be: ONNX Runtime divides by a group of 0, and
 * asserts that a repeat is not negative.
 */

/** The least that an integer attribute may be, by its name, which means the same in every operator that has it. */
const LEAST: Readonly<Record<string, number>> = {
  group: 1,
  num_groups: 1,
  offset_group: 1,
  kernel_shape: 1,
  strides: 1,
  dilations: 1,
  pads: 0,
  output_padding: 0,
  pooled_shape: 1,
  blocksize: 1,
  hidden_size: 1,
  num_heads: 1,
  q_num_heads: 1,
  kv_num_heads: 1,
  num_outputs: 1,
};
/** More than any network has of them. */
const MOST = 2 ** 24;

/** Inputs that hold counts, where they are known: by operator, the least at each place. */
const LEAST_OF_INPUTS: Readonly<Record<string, Readonly<Record<number, number>>>> = {
  Tile: { 1: 0 },
  ConstantOfShape: { 0: 0 },
  Resize: { 3: 1 },
  Col2Im: { 1: 1, 2: 1 },
  CenterCropPad: { 1: 0 },
};

/** Padding of a side that is allowed whatever the kernel. */
const PADDING = 1024;
/** Elements of a value, at most: 8 GiB of float32. */
const MOST_ELEMENTS = 2 ** 31;

/**
 * Refuses a graph with counts or sizes that would end the process which runs it, as far as they are known before a run.
 * @throws invalid-file for a count that cannot be; unsupported for a value that no memory holds, and for huge padding
 */
export function checkCounts(graph: Graph): void {
  const facts = inferShapes(graph);
  const fact = (name: string | undefined): Fact => facts.get(name ?? "") ?? UNKNOWN;
  for (const node of graph.nodes) {
    checkNode(node, (i) => fact(node.inputs[i]));
    for (const name of node.outputs) checkSize(node, fact(name).dims);
  }
}

/** The node and those of its sub-graphs, of whose inputs nothing is known. @throws invalid-file, unsupported */
function checkNode(node: Node, input: (i: number) => Fact): void {
  // What Pad adds may be negative: then it cuts.
  for (const { name, type, i, ints } of node.attributes.protos)
    if (Object.hasOwn(LEAST, name) && !(node.op === "Pad" && name === "pads"))
      checkRange(node, name, (type === Kind.INT ? [i] : ints).map(Number), LEAST[name]!);
  const ofInputs = Object.hasOwn(LEAST_OF_INPUTS, node.op) ? LEAST_OF_INPUTS[node.op]! : {};
  for (const [place, least] of Object.entries(ofInputs))
    checkRange(node, `"${node.inputs[Number(place)]}"`, input(Number(place)).values ?? [], least);
  if (node.op !== "Pad") checkPadding(node, input(1));
  for (const graph of node.attributes.subgraphs())
    for (const proto of graph.node) checkNode(readNode(proto), () => UNKNOWN);
}

/** @throws unsupported */
function checkSize(node: Node, dims: readonly Dim[] | null): void {
  const known = dims?.filter((size) => typeof size === "number") ?? [];
  if (product(known) <= MOST_ELEMENTS) return;
  throw new PerturbError(
    "unsupported",
    `${describeNode(node)} makes a value of shape ${describeDims(dims)}; ${MOST_ELEMENTS} elements are allowed. Check that the file is a network.`,
    { data: { shape: dims, allowed: MOST_ELEMENTS } },
  );
}

/** @throws invalid-file; sizes with a name or none may be any */
function checkRange(node: Node, what: string, values: readonly Dim[], least: number): void {
  const wrong = values.find((value) => typeof value === "number" && !(value >= least && value <= MOST));
  if (wrong === undefined) return;
  throw new PerturbError(
    "invalid-file",
    `${describeNode(node)}: ${what} is [${values.map((v) => v ?? "?").join(", ")}], and whole numbers from ${least} to ${MOST} are allowed. The file is damaged, or made to end the program that runs it. Export the model again.`,
    { data: { node: node.name, what, got: wrong, allowed: [least, MOST] } },
  );
}

/** @throws unsupported: memory grows with the square of the padding */
function checkPadding(node: Node, weights: Fact): void {
  const { attributes } = node;
  const pads = attributes.ints("pads", []);
  const kernel = attributes.ints("kernel_shape", undefined) ?? weights.dims?.slice(2) ?? [];
  const dilations = attributes.ints("dilations", []);
  const span = (axis: number): number => (Number(kernel[axis] ?? 1) - 1) * (dilations[axis] ?? 1) + 1;
  const at = pads.findIndex((pad, i) => pad > Math.max(PADDING, span(i % (pads.length / 2)) || 0));
  if (at < 0) return;
  throw new PerturbError(
    "unsupported",
    `${describeNode(node)}: a padding of ${pads[at]}, and at most ${PADDING} or the size of its window is allowed. Export the model with a Pad in front.`,
    { data: { node: node.name, got: pads[at], allowed: PADDING } },
  );
}
