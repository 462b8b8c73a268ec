import type { Node } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import { product, tensor } from "../../tensor.ts";
import { unsupported } from "./constants.ts";

/** Elements of a selection matrix beyond which it costs more than what it selects from. */
export const MAX_SELECTION = 2 ** 22;

/**
 * Sends the gradient of what was taken at `indices` along an axis of `size` back to where it was: a product with the
 * matrix that selected it, so that what was taken twice is summed. Every provider has MatMul; not every one scatters.
 */
export function sendBack(
  node: Node,
  b: Ops,
  g: string,
  axis: number,
  indices: readonly number[],
  size: number,
): string {
  if (indices.length * size > MAX_SELECTION) return scatterBack(node, b, g, axis, b.int64(indices), b.int64([size]));
  const selection = new Float32Array(indices.length * size);
  for (const [j, index] of indices.entries()) selection[j * size + index] = 1;
  const matrix = b.constant(tensor("float32", [indices.length, size], selection));
  return contract(b, g, axis, asTypeOf(b, matrix, g));
}

/**
 * `sendBack` for indices that only the run tells, of any shape, negative ones from the end: the transpose of Gather.
 * @param size of the axis: one integer. @param unique whether no index comes twice
 * @throws no-gradient where the opset has no scatter for that, and a matrix is too large
 */
export function scatterBack(
  node: Node,
  b: Ops,
  g: string,
  axis: number,
  indices: string,
  size: string,
  unique = false,
): string {
  const at = b.fact(indices).type === "int64" ? indices : b.cast(indices, "int64");
  const count = b.dims(at).length;
  if (b.opset < (unique ? 11 : 16))
    return contract(b, joinAxes(b, g, axis, count), axis, selectionAt(node, b, at, size, g));
  const rest = b.dims(g).length - count;
  const axes = [...Array(rest + count + 1).keys()];
  const taken = axes.slice(axis, axis + count);
  const rows = transposed(b, g, [...taken, ...axes.slice(0, axis), ...axes.slice(axis + count, rest + count)]);
  const sizes = b.add("Concat", [size, ...(rest > 0 ? [sizesOf(b, rows, count)] : [])], { axis: 0 });
  const zeros = b.add("Expand", [b.scalar(0, g), sizes]);
  const placed = b.add("ScatterND", [zeros, b.unsqueeze(at, [count]), rows], unique ? {} : { reduction: "add" });
  return transposed(b, placed, [...axes.slice(1, axis + 1), 0, ...axes.slice(axis + 1, rest + 1)]);
}

/** The matrix [indices, size] with a 1 at each index. */
function selectionAt(node: Node, b: Ops, indices: string, size: string, like: string): string {
  const length = b.fact(size).values?.[0];
  const known = b.dims(indices).map((d) => (typeof d === "number" ? d : 1));
  if (typeof length !== "number" || length > MAX_SELECTION || product(known) * length > MAX_SELECTION)
    throw unsupported(node, `so many indices, or an axis of open size, below opset 16`);
  const at = b.reshape(fromStart(b, indices, size), [-1, 1]);
  return asTypeOf(b, b.add("Equal", [at, b.int64([...Array(length).keys()])]), like);
}

/** Indices with the negative ones, which came with opset 11, counted from the start. */
export function fromStart(b: Ops, indices: string, size: string): string {
  if (b.opset < 11) return indices;
  return b.where(b.add("Less", [indices, b.int64([0])]), b.plus(indices, size), indices);
}

/** Σ_j g[…, j, …]·matrix[j, i] over an axis of g. */
export function contract(b: Ops, g: string, axis: number, matrix: string): string {
  const last = b.dims(g).length - 1;
  if (axis === last) return b.matmul(g, matrix);
  if (axis === last - 1) return b.matmul(b.transpose(matrix, [1, 0]), g);
  const swap = Array.from({ length: last + 1 }, (_, i) => (i === axis ? last : i === last ? axis : i));
  return b.transpose(b.matmul(b.transpose(g, swap), matrix), swap);
}

/** `a` with `count` axes from `axis` on made one. */
export function joinAxes(b: Ops, a: string, axis: number, count: number): string {
  if (count === 1) return a;
  const dims = b.dims(a).map((d) => (typeof d === "number" ? d : -1));
  const inner = dims.slice(axis, axis + count);
  const joined = [...dims.slice(0, axis), inner.includes(-1) ? -1 : product(inner), ...dims.slice(axis + count)];
  if (joined.filter((d) => d === -1).length <= 1) return b.reshape(a, joined);
  const sizes = [sizesOf(b, a, 0, axis), b.int64([-1]), sizesOf(b, a, axis + count)];
  return b.add("Reshape", [a, b.add("Concat", sizes, { axis: 0 })]);
}

/** The sizes of the axes from one to another, as a value. */
export function sizesOf(b: Ops, a: string, from: number, to = b.dims(a).length): string {
  const dims = b.dims(a).slice(from, to);
  return dims.every((d) => typeof d === "number") ? b.int64(dims) : b.slice(b.shape(a), [0], [from], [to]);
}

const transposed = (b: Ops, a: string, perm: readonly number[]): string =>
  perm.every((p, i) => p === i) ? a : b.transpose(a, perm);

export function asTypeOf(b: Ops, a: string, like: string): string {
  const type = b.fact(like).type ?? "float32";
  return b.fact(a).type === type ? a : b.cast(a, type);
}
