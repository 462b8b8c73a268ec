import type { Head } from "../../model.ts";
import { type FloatTensor, sampleSize } from "../../tensor.ts";
import { probability } from "./statistics.ts";
import type { Shown } from "./tally.ts";

/** Sample `row`, with row `i` of what became of it and of its logits. */
export function show(
  of: { readonly x: FloatTensor; readonly labels: Int32Array; readonly indices: Int32Array },
  row: number,
  after: FloatTensor,
  i: number,
  logits: FloatTensor,
  predictions: Int32Array,
  head: Head,
): Shown {
  const size = sampleSize(of.x);
  const prediction = predictions[i]!;
  return {
    index: of.indices[row]!,
    label: of.labels[row]!,
    prediction,
    confidence: probability(logits.data, i, logits.dims[1]!, prediction, head),
    shape: of.x.dims.slice(1),
    original: of.x.data.slice(row * size, (row + 1) * size),
    adversarial: after.data.slice(i * size, (i + 1) * size),
  };
}
