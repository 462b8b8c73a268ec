import type { Ops } from "../onnx/ops.ts";
import { tensor } from "../tensor.ts";
import { backward } from "./engine.ts";

/** A loss of logits at given classes. */
export interface LossNodes {
  /** [n] */
  readonly value: string;
  /** ∂value/∂logits, [n, classes]. */
  readonly slope: string;
}

/** Appends a loss of logits [n, classes] at the classes `labels` (int64, [n]). */
type LossBuilder = (b: Ops, logits: string, labels: string) => LossNodes;

/** [n, classes]: whether a class is the label. Without OneHot, and in int32: WebGPU lacks that operator and int64. */
function isLabel(b: Ops, logits: string, labels: string): string {
  const classes = b.sizes(logits, 1)[0]!;
  const range = tensor(
    "int32",
    [1, classes],
    Int32Array.from({ length: classes }, (_, i) => i),
  );
  return b.equal(b.unsqueeze(b.cast(labels, "int32"), [1]), b.constant(range));
}

/** The value of each row at its label. */
const atLabel = (b: Ops, values: string, selected: string): string =>
  b.reduceSum(b.mul(values, b.cast(selected, b.fact(values).type ?? "float32")), [1], false);

/**
 * -log softmax(z)_c. Its slope, softmax(z) - onehot(c), is written out with -Σ_{j≠c} p_j in the place of p_c - 1: in float32
 * that difference is rounding noise for confident samples, and the signs that FGSM takes of it with it. So written, the
 * signs are those of float64, on every runtime.
 */
const crossEntropy: LossBuilder = (b, logits, labels) => {
  const selected = isLabel(b, logits, labels);
  const probabilities = b.add("Softmax", [logits], { axis: 1 });
  // log Σ exp(z - max z) is -log of the largest probability. So written, for WebGPU lacks LogSoftmax.
  const behind = b.sub(b.reduceMax(logits, [1], false), atLabel(b, logits, selected));
  const value = b.sub(behind, b.add("Log", [b.reduceMax(probabilities, [1], false)]));
  const others = b.where(selected, b.scalar(0, logits), probabilities);
  return { value, slope: b.where(selected, b.neg(b.reduceSum(others, [1], true)), others) };
};

/** max_{j≠c} z_j - z_c (Carlini and Wagner 2017, https://arxiv.org/abs/1608.04644, §IV-B, f6 without its clamp). */
const margin: LossBuilder = (b, logits, labels) => {
  const selected = isLabel(b, logits, labels);
  const others = b.where(selected, b.scalar(-3e38, logits), logits);
  const value = b.sub(b.reduceMax(others, [1], false), atLabel(b, logits, selected));
  return { value, slope: backward(b, value, b.full(1, value), [logits])[0]! };
};

/** z_c, the class's own score S_c (Simonyan et al. 2014, https://arxiv.org/abs/1312.6034, §3): for saliency, not for attacks. */
const logit: LossBuilder = (b, logits, labels) => {
  const selected = isLabel(b, logits, labels);
  return { value: atLabel(b, logits, selected), slope: b.cast(selected, b.fact(logits).type ?? "float32") };
};

export const losses = { "cross-entropy": crossEntropy, margin, logit } satisfies Record<string, LossBuilder>;
export type LossName = keyof typeof losses;
