import { untransformed } from "../../autodiff/scores/values.ts";
import type { Node } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";

/** Operators that change no probability, but for rounding. */
const TRANSPARENT = new Set(["Identity", "Cast"]);

/**
 * Logits whose softmax is `probabilities`, [n, classes], whose rows sum to 1. Written from what made them where that can be
 * seen, so that they and their slope are exact where a probability is rounded to 0 or 1; else the logarithm.
 */
export function logitsOf(b: Ops, probabilities: string): string {
  const makers = new Map(b.nodes.flatMap((node) => node.outputs.map((name): [string, Node] => [name, node])));
  const makerOf = (value: string): Node | undefined => {
    const node = makers.get(value);
    return node?.domain === "" && TRANSPARENT.has(node.op) ? makerOf(node.inputs[0]!) : node;
  };
  /** σ(z) = 1 / (1 + exp(-z)), so its logarithm is -softplus(-z). */
  const logSigmoid = (z: string): string => b.neg(b.add("Softplus", [b.neg(z)]));

  /** The logarithm of a value, up to a number a row. */
  const log = (value: string): string => {
    const node = makerOf(value);
    const inputs = node?.inputs ?? [];
    if (node?.domain === "ai.onnx.ml") return logOfMl(node) ?? logarithm(value);
    switch (node?.op ?? "") {
      case "Exp":
        return inputs[0]!;
      case "Concat":
        return pair(inputs) ?? logarithm(value);
      case "Div":
        return isSumOf(inputs[1]!, inputs[0]!) ? log(inputs[0]!) : logarithm(value);
      default:
        return logarithm(value);
    }
  };

  /** The logarithms of 1 - σ(z) and σ(z). */
  const pair = ([no, yes, ...others]: readonly string[]): string | undefined => {
    const [sigmoid, rest] = [makerOf(yes ?? ""), makerOf(no ?? "")];
    if (others.length > 0 || sigmoid?.op !== "Sigmoid" || rest?.op !== "Sub") return undefined;
    if (makerOf(rest.inputs[1]!) !== sigmoid) return undefined;
    const z = sigmoid.inputs[0]!;
    return b.add("Concat", [logSigmoid(b.neg(z)), logSigmoid(z)], { axis: 1 });
  };

  const isSumOf = (sum: string, value: string): boolean => {
    const node = makerOf(sum);
    return (node?.op === "ReduceSum" || node?.op === "ReduceL1") && node.inputs[0] === value;
  };

  /** A linear classifier's own logits; dividing by the sum of a row changes none. */
  const logOfMl = (node: Node): string | undefined => {
    if (node.op === "Normalizer" && node.attributes.string("norm", "MAX") === "L1") return log(node.inputs[0]!);
    const transform = node.attributes.string("post_transform", "NONE");
    const scores = node.op === "LinearClassifier" ? node.attributes.floats("intercepts", []).length : 0;
    if (scores > 1 && transform === "SOFTMAX") return untransformed(b, node);
    if (scores !== 1 || transform !== "LOGISTIC") return undefined;
    // Of one score s two are made: 1 - s and s without a transform, σ(-s) and σ(s) with it.
    const z = b.slice(untransformed(b, node), [1], [1], [2]);
    return b.add("Concat", [b.full(0, z), z], { axis: 1 });
  };

  // Where a probability is rounded to 0, its logarithm and slope stay finite.
  const logarithm = (value: string): string => b.add("Log", [b.plus(value, b.scalar(1e-37, value))]);
  return log(probabilities);
}
