import { Attributes } from "../../onnx/attributes.ts";
import type { Graph, Node } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import type { HeadInfo } from "../head.ts";
import { dequantized } from "../lowerings/quantization.ts";

/** So that the logarithm of a probability that is rounded to 0 stays finite. */
const LEAST = 1e-37;

/** The value of a head's logits, as real numbers. */
export const realLogits = (b: Ops, { logits, integers }: HeadInfo): string =>
  integers ? dequantized(b, logits, integers.scale, integers.zero) : logits;

/** log p, finite at 0. */
export const log = (b: Ops, p: string): string => b.add("Log", [b.plus(p, b.scalar(LEAST, p))]);

/** log p - log(1 - p), finite at 0 and 1. */
export const logitOf = (b: Ops, p: string): string => b.sub(log(b, p), log(b, b.sub(b.scalar(1, p), p)));

const TIES = "perturb: scores that the head makes equal";

/**
 * Logits that are equal where the head rounds the largest scores to the same value, so that the class predicted is the one
 * that the file itself gives: the first of them. Losses are built on the logits without it.
 */
export function withTies(b: Ops, logits: string, scores: string): string {
  const first = b.equal(scores, b.reduceMax(scores, [1], true));
  const output = b.fresh("logits");
  const inputs = [first, b.reduceMax(logits, [1], true), logits];
  b.append({ op: "Where", domain: "", name: TIES, inputs, outputs: [output], attributes: Attributes.from({}) });
  return output;
}

/** The logits that losses are built on. */
export const lossLogits = (graph: Graph, logits: string): string => {
  const maker = graph.nodes.find((node: Node) => node.outputs[0] === logits);
  return maker?.name === TIES ? maker.inputs[2]! : logits;
};
