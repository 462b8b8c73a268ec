import type { FloatTensor } from "../../tensor.ts";

/** The `count` most likely classes other than the label of each row of logits [n, classes], by falling logit. */
export function rivalsOf(
  { data, dims: [, classes] }: FloatTensor,
  labels: Int32Array,
  count = Number.POSITIVE_INFINITY,
): Int32Array[] {
  return Array.from(labels, (label, i) => {
    const z = data.subarray(i * classes!, (i + 1) * classes!);
    const others = Int32Array.from(z.keys()).filter((c) => c !== label);
    return others.sort((a, b) => z[b]! - z[a]! || a - b).subarray(0, count);
  });
}
