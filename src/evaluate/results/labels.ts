import type { Accuracy, LabelAccuracy } from "../../evaluate.ts";
import type { FloatTensor } from "../../tensor.ts";
import type { Tally } from "./tally.ts";

/** The labels that are wrong in one row of a multi-label model's logits [0, wrong, …]: 1 for each. NaN is wrong. */
export function flippedIn({ data, dims: [, classes] }: FloatTensor, row: number): Uint8Array {
  return Uint8Array.from({ length: classes! - 1 }, (_, l) => Number(!(data[row * classes! + 1 + l]! <= 0)));
}

/**
 * On how many samples each label is right: of rows of logits, and of so many others with the labels wrong that each has; with
 * none, all of its labels are right.
 */
export function rightLabels(
  logits: FloatTensor,
  rows: readonly number[],
  others = 0,
  flipped: readonly (Uint8Array | undefined)[] = [],
): number[] {
  const right = new Array<number>(logits.dims[1]! - 1).fill(rows.length + others);
  const subtract = (wrong: Uint8Array) => {
    for (const [l, is] of wrong.entries()) right[l]! -= is;
  };
  for (const row of rows) subtract(flippedIn(logits, row));
  for (const wrong of flipped) if (wrong) subtract(wrong);
  return right;
}

/** The accuracy of each label, clean and at each ε. */
export const labelAccuracies = (
  labels: readonly number[],
  tally: Pick<Tally, "labels" | "worst">,
  epsilons: readonly number[],
  accuracyOf: (correct: number) => Accuracy,
): LabelAccuracy[] =>
  labels.map((label, l) => ({
    label,
    clean: accuracyOf(tally.labels![l]!),
    worst: tally.worst.map((worst, k) => ({ epsilon: epsilons[k]!, ...accuracyOf(worst.labels![l]!) })),
  }));

/** What the classes of a multi-label model are called. */
export const labelNames = (labels: readonly number[]): string[] => [
  "as given",
  ...labels.map((label) => `label ${label}`),
];
