import type { Ops } from "../onnx/ops.ts";
import { tensor } from "../tensor.ts";

/** Appends a loss of logits [n, classes] at the classes `labels` (int64, [n]); gives its name, shape [n]. */
type LossBuilder = (b: Ops, logits: string, labels: string) => string;

/** [n, classes]: whether a class is the label. Without OneHot, which not every provider has. */
function isLabel(b: Ops, logits: string, labels: string): string {
  const classes = b.sizes(logits, 1)[0]!;
  const range = b.constant(tensor("int64", [1, classes], BigInt64Array.from({ length: classes }, (_, i) => BigInt(i))));
  return b.add("Equal", [b.unsqueeze(labels, [1]), range]);
}

/** The value of each row at its label. */
const atLabel = (b: Ops, values: string, selected: string): string =>
  b.reduceSum(b.mul(values, b.cast(selected, b.fact(values).type ?? "float32")), [1], false);

/** -log softmax(z)_c */
const crossEntropy: LossBuilder = (b, logits, labels) =>
  b.neg(atLabel(b, b.add("LogSoftmax", [logits], { axis: 1 }), isLabel(b, logits, labels)));

/** max_{j≠c} z_j - z_c (Carlini and Wagner 2017, https://arxiv.org/abs/1608.04644, §IV-B, f6 without its clamp). */
const margin: LossBuilder = (b, logits, labels) => {
  const selected = isLabel(b, logits, labels);
  const others = b.where(selected, b.scalar(-3e38, logits), logits);
  return b.sub(b.reduceMax(others, [1], false), atLabel(b, logits, selected));
};

export const losses = { "cross-entropy": crossEntropy, margin } satisfies Record<string, LossBuilder>;
export type LossName = keyof typeof losses;
