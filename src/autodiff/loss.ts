import { leastClassesOf, OTHER_LOSSES, tooFewClasses } from "../classes.ts";
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
export type LossBuilder = (b: Ops, logits: string, labels: string) => LossNodes;

/** [n, classes]: whether a class is the label. Without OneHot, and in int32: WebGPU lacks that operator and int64. */
export function isLabel(b: Ops, logits: string, labels: string): string {
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
 * What the other classes have of a sample's probability counts as so much at least: below, float32 would lose how it is shared out, and
 * attacks their direction, of a model whose logits are large. A gradient so small stays one, but its direction is the true one.
 */
export const LEAST_SHARE = 1e-30;

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
  const share = b.reduceSum(others, [1], true);
  const slope = b.where(selected, b.neg(share), others);
  const least = b.scalar(LEAST_SHARE, logits);
  const among = b.add("Softmax", [b.where(selected, b.scalar(-3e38, logits), logits)], { axis: 1 });
  const faint = b.where(selected, b.neg(least), b.mul(among, least));
  return { value, slope: b.where(b.add("Less", [share, least]), faint, slope) };
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

/** Σ_{j≠c} z_j: what saliency maps hold against the logit of c (Papernot et al. 2016, https://arxiv.org/abs/1511.07528). */
const otherLogits: LossBuilder = (b, logits, labels) => {
  const others = b.add("Not", [isLabel(b, logits, labels)]);
  const slope = b.cast(others, b.fact(logits).type ?? "float32");
  return { value: b.reduceSum(b.mul(logits, slope), [1], false), slope };
};

/** The largest logits of each row that the loss compares, falling, [n] each. @throws usage where there are fewer */
function largest(b: Ops, logits: string, loss: "dlr" | "targeted-dlr"): string[] {
  const [k, classes] = [leastClassesOf(loss), b.sizes(logits, 1)[0]!];
  if (classes < k) throw tooFewClasses(`The loss ${loss}`, k, "the model", classes, OTHER_LOSSES[loss]!);
  const top =
    b.opset >= 10
      ? b.addMany("TopK", [logits, b.int64([k])], 2, { axis: 1 })
      : b.addMany("TopK", [logits], 2, { axis: 1, k });
  return Array.from({ length: k }, (_, i) => b.squeeze(b.slice(top[0]!, [1], [i], [i + 1]), [1]));
}

/** So that equal logits do not divide by 0. */
const SPAN = 1e-12;

/**
 * The difference of logits ratio (Croce and Hein 2020, https://arxiv.org/abs/2003.01690, eq. 6):
 * (max_{j≠c} z_j - z_c) / (z_π1 - z_π3 + 1e-12), where π sorts the logits, falling. It needs three classes.
 */
const dlr: LossBuilder = (b, logits, labels) => {
  const [first, , third] = largest(b, logits, "dlr");
  const span = b.plus(b.sub(first!, third!), b.scalar(SPAN, logits));
  const value = b.div(margin(b, logits, labels).value, span);
  return { value, slope: backward(b, value, b.full(1, value), [logits])[0]! };
};

/** Appends a loss of logits [n, classes] at the classes `labels` and `targets` (int64, [n]). */
export type TargetedLossBuilder = (b: Ops, logits: string, labels: string, targets: string) => LossNodes;

/** z_t - z_c. */
const targetedMargin: TargetedLossBuilder = (b, logits, labels, targets) => {
  const [target, label] = [logit(b, logits, targets), logit(b, logits, labels)];
  return { value: b.sub(target.value, label.value), slope: b.sub(target.slope, label.slope) };
};

/**
 * The targeted difference of logits ratio (Croce and Hein 2020, eq. 7): (z_t - z_c) / (z_π1 - (z_π3 + z_π4)/2 + 1e-12). It
 * needs four classes.
 */
const targetedDlr: TargetedLossBuilder = (b, logits, labels, targets) => {
  const [first, , third, fourth] = largest(b, logits, "targeted-dlr");
  const middle = b.mul(b.plus(third!, fourth!), b.scalar(0.5, logits));
  const span = b.plus(b.sub(first!, middle), b.scalar(SPAN, logits));
  const value = b.div(targetedMargin(b, logits, labels, targets).value, span);
  return { value, slope: backward(b, value, b.full(1, value), [logits])[0]! };
};

export const targetedLosses = {
  "targeted-dlr": targetedDlr,
  "targeted-margin": targetedMargin,
} satisfies Record<string, TargetedLossBuilder>;
export type TargetedLossName = keyof typeof targetedLosses;

export const isTargeted = (loss: LossName | TargetedLossName): loss is TargetedLossName => loss in targetedLosses;

export const losses = {
  "cross-entropy": crossEntropy,
  margin,
  dlr,
  logit,
  "other-logits": otherLogits,
} satisfies Record<string, LossBuilder>;
export type LossName = keyof typeof losses;
