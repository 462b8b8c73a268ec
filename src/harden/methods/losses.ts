import { isLabel, losses } from "../../autodiff/loss.ts";
import { PerturbError } from "../../errors.ts";
import type { Ops } from "../../onnx/ops.ts";

/** -log softmax(z)_y, [n]. */
export const crossEntropy = (b: Ops, logits: string, labels: string): string =>
  losses["cross-entropy"](b, logits, labels).value;

/** An option of methods that train on the cross-entropy. */
export interface Smoothing {
  readonly labelSmoothing: number;
}
export const labelSmoothing = "share of each label that is spread over all classes";

/**
 * -Σ_k q_k log softmax(z)_k, [n], where q has 1 - s at the label and s/K at each of K classes besides (Szegedy et al. 2016,
 * https://arxiv.org/abs/1512.00567, §7). @throws usage unless 0 ≤ s < 1
 */
export function smoothedCrossEntropy(b: Ops, logits: string, labels: string, share: number): string {
  if (!(share >= 0 && share < 1))
    throw new PerturbError("usage", `labelSmoothing must be from 0 up to, not including, 1, got ${share}.`);
  const plain = crossEntropy(b, logits, labels);
  if (share === 0) return plain;
  const mean = b.neg(b.reduceMean(logSoftmax(b, logits), [1], false));
  return b.plus(b.mul(plain, b.scalar(1 - share, plain)), b.mul(mean, b.scalar(share, mean)));
}

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
