import { type FloatTensor, tensor } from "../../tensor.ts";
import type { Rows } from "../bounds/batches.ts";

/** Coefficients of z_label - z_j, for each other class j. */
export function margins(labels: Int32Array, classes: number): Rows {
  const rows = labels.length * (classes - 1);
  const seed = new Float32Array(rows * classes);
  const samples = new Int32Array(rows);
  let row = 0;
  for (const [i, label] of labels.entries())
    for (let j = 0; j < classes; j++) {
      if (j === label) continue;
      seed[row * classes + label] = 1;
      seed[row * classes + j] = -1;
      samples[row++] = i;
    }
  return { seed: tensor("float32", [rows, classes], seed), samples };
}

/** Coefficients of z_label - z_other, one row for each label, [labels, classes]. */
export function marginsTo(labels: Int32Array, others: Int32Array, classes: number): FloatTensor {
  const seed = new Float32Array(labels.length * classes);
  for (const [i, label] of labels.entries()) {
    seed[i * classes + label] = 1;
    seed[i * classes + others[i]!] = -1;
  }
  return tensor("float32", [labels.length, classes], seed);
}

/** Which class the row k of a label is about. */
export const otherClass = (k: number, label: number): number => (k < label ? k : k + 1);
