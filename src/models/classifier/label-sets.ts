import type { LabelSets } from "../../model.ts";
import type { FloatTensor } from "../../tensor.ts";
import type { ClassifierFile } from "./classifier.ts";

/** The labels that a classifier was bound to, where it was. */
export function labelSetsOf({ labelSets, rows }: ClassifierFile): LabelSets | undefined {
  if (!labelSets) return undefined;
  const { labels, of, input } = labelSets;
  return { labels, of, values: rows!.find((row) => row.input === input)!.values as FloatTensor };
}

/** Some columns of a matrix. */
export function columnsOf({ dims: [rows, width], data }: FloatTensor, columns: readonly number[]): FloatTensor {
  const values = Float32Array.from(
    { length: rows! * columns.length },
    (_, i) => data[Math.floor(i / columns.length) * width! + columns[i % columns.length]!]!,
  );
  return { type: "float32", dims: [rows!, columns.length], data: values };
}
