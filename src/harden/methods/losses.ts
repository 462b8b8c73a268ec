import { isLabel, losses } from "../../autodiff/loss.ts";
import type { Ops } from "../../onnx/ops.ts";

/** -log softmax(z)_y, [n]. */
export const crossEntropy = (b: Ops, logits: string, labels: string): string =>
  losses["cross-entropy"](b, logits, labels).value;

/** log softmax(z), [n, classes]. */
export function logSoftmax(b: Ops, logits: string): string {
  const shifted = b.sub(logits, b.reduceMax(logits, [1], true));
  return b.sub(shifted, b.add("Log", [b.reduceSum(b.exp(shifted), [1], true)]));
}

/** KL(p ‖ q) = Σ_k p_k (log p_k - log q_k) of the classes behind two logits, [n]. */
export function divergence(b: Ops, p: string, q: string): string {
  const [logP, logQ] = [logSoftmax(b, p), logSoftmax(b, q)];
  return b.reduceSum(b.mul(b.exp(logP), b.sub(logP, logQ)), [1], false);
}

/** The value of each row at its label, [n]. */
export const atLabel = (b: Ops, values: string, logits: string, labels: string): string =>
  b.reduceSum(b.mul(values, b.cast(isLabel(b, logits, labels), "float32")), [1], false);

/** The largest value of each row beside that at its label, [n]. */
export const largestOther = (b: Ops, values: string, logits: string, labels: string): string =>
  b.reduceMax(b.where(isLabel(b, logits, labels), b.scalar(-3e38, values), values), [1], false);
