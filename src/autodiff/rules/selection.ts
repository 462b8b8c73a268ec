import type { Ops } from "../../onnx/ops.ts";
import { tensor } from "../../tensor.ts";

/** Elements of a selection matrix beyond which it costs more than what it selects from. */
export const MAX_SELECTION = 2 ** 22;

/**
 * Sends the gradient of what was taken at `indices` along an axis of `size` back to where it was: a product with the
 * matrix that selected it, so that what was taken twice is summed. Every provider has MatMul; not every one scatters.
 */
export function sendBack(b: Ops, g: string, axis: number, indices: readonly number[], size: number): string {
  const selection = new Float32Array(indices.length * size);
  for (const [j, index] of indices.entries()) selection[j * size + index] = 1;
  const ones = b.constant(tensor("float32", [indices.length, size], selection));
  const type = b.fact(g).type ?? "float32";
  const matrix = type === "float32" ? ones : b.cast(ones, type);
  const last = b.dims(g).length - 1;
  if (axis === last) return b.matmul(g, matrix);
  const swap = Array.from({ length: last + 1 }, (_, i) => (i === axis ? last : i === last ? axis : i));
  return b.transpose(b.matmul(b.transpose(g, swap), matrix), swap);
}
