import { Attributes } from "../../onnx/attributes.ts";
import type { Graph, Node } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import type { LogitsFound } from "../head-steps.ts";
import { dequantized } from "../lowerings/quantization.ts";

/** So that the logarithm of a probability that is rounded to 0 stays finite. */
const LEAST = 1e-37;

/** The value of a head's logits, as real numbers. */
export function realLogits(
  b: Ops,
  { logits, integers, classifier, column, columns, swapped, negated }: LogitsFound & { readonly negated?: true },
): string {
  const scores = classifier ? untransformed(b, classifier) : logits;
  const own = column === undefined ? scores : b.slice(scores, [1], [column], [column + 1]);
  const plain = columns
    ? b.add(
        "Concat",
        columns.map((one) => realLogits(b, one)),
        { axis: 1 },
      )
    : own;
  const given = integers ? dequantized(b, plain, integers.scale, integers.zero) : plain;
  const real = swapped ? b.transpose(given, [1, 0]) : given;
  return negated ? b.neg(real) : real;
}

/** The scores of a linear classifier before its post_transform. */
export function untransformed(b: Ops, node: Node): string {
  const outputs = [b.fresh("label"), b.fresh("scores")];
  const { proto: _, ...fields } = node;
  const attributes = new Attributes(node.attributes.protos.filter(({ name }) => name !== "post_transform"));
  b.append({ ...fields, name: "", outputs, attributes });
  return outputs[1]!;
}

/** What of a score, or of a probability, is above a threshold. */
export const shifted = (b: Ops, z: string, threshold: number): string =>
  threshold === 0 ? z : b.sub(z, b.scalar(threshold, z));

/** log p, finite at 0. */
export const log = (b: Ops, p: string): string => b.add("Log", [b.plus(p, b.scalar(LEAST, p))]);

/** log p - log(1 - p), finite at 0 and 1. */
export const logitOf = (b: Ops, p: string): string => b.sub(log(b, p), log(b, b.sub(b.scalar(1, p), p)));

/** What makes a float32 larger by a few units in its last place. */
const ULPS = 1e-6;

const TIES = "perturb: scores that the head makes equal";

/**
 * Logits that are equal where the head rounds the largest scores to the same value, so that the class predicted is the one
 * that the file itself gives: the first of them. Losses are built on the logits without it.
 */
export function withTies(b: Ops, logits: string, scores: string): string {
  const first = b.equal(scores, b.reduceMax(scores, [1], true));
  const most = b.reduceMax(logits, [1], true);
  // A kernel's sigmoid or tanh does not rise everywhere: a score may be less than that of a smaller logit, by rounding.
  const others = b.reduceMax(b.where(first, b.scalar(-3e38, logits), logits), [1], true);
  const above = b.plus(most, b.plus(b.mul(b.add("Abs", [most]), b.scalar(ULPS, most)), b.scalar(ULPS, most)));
  return b.named(TIES, "Where", [first, b.where(b.add("Less", [others, most]), most, above), logits]);
}

/** The logits that losses are built on. */
export const lossLogits = (graph: Graph, logits: string): string => {
  const maker = graph.nodes.find((node: Node) => node.outputs[0] === logits);
  return maker?.name === TIES ? maker.inputs[2]! : logits;
};

/** The scores by which such logits are made equal: where one is above all others, so is its logit. Undefined of plain logits. */
export function tiedScores(graph: Graph, logits: string): string | undefined {
  const makerOf = (name: string) => graph.nodes.find((node: Node) => node.outputs[0] === name);
  let maker = makerOf(logits);
  while (maker?.op === "Identity") maker = makerOf(maker.inputs[0]!);
  if (maker?.name !== TIES) return undefined;
  let node = makerOf(maker.inputs[0]!);
  // As `equal` writes it before opset 11.
  while (node?.op === "Not" || node?.op === "Or") node = makerOf(node.inputs[0]!);
  return node?.inputs[0];
}
