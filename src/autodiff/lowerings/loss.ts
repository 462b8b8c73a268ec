import type { Ops } from "../../onnx/ops.ts";
import { tensor } from "../../tensor.ts";
import type { Lowering, LoweringContext, Lowerings } from "../lowering.ts";

/** Over axis 1, the classes. Before opset 13, LogSoftmax took all axes from there on together. */
function logSoftmax(b: Ops, scores: string): string {
  if (b.opset >= 13 || b.dims(scores).length === 2) return b.add("LogSoftmax", [scores], { axis: 1 });
  const shifted = b.sub(scores, b.reduceMax(scores, [1], true));
  return b.sub(shifted, b.add("Log", [b.reduceSum(b.exp(shifted), [1], true)]));
}

/** -w_c·x_c at the class c of each label, summed or averaged by weight; 0 where the label is `ignore_index`. */
function negativeLogLikelihood({ node, x, b }: LoweringContext, input: string): string {
  const [, given, weight] = x as [string, string, string?];
  const [classes, rank] = [b.size(input, 1), b.dims(input).length];
  b.room(classes, input);
  const perClass = [1, classes, ...Array<number>(rank - 2).fill(1)];
  const range = tensor(
    "int64",
    perClass,
    BigInt64Array.from({ length: classes }, (_, i) => BigInt(i)),
  );
  const labels = b.unsqueeze(b.cast(given, "int64"), [1]);
  const ignored = node.attributes.int("ignore_index", undefined);
  const isLabel = b.add("Equal", [labels, b.constant(range)]);
  const chosen =
    ignored === undefined
      ? isLabel
      : b.add("And", [isLabel, b.add("Not", [b.add("Equal", [labels, b.int64([ignored])])])]);
  const zero = b.scalar(0, input);
  const weighted = weight ? b.mul(input, b.reshape(weight, perClass)) : input;
  const each = b.neg(b.reduceSum(b.where(chosen, weighted, zero), [1], false));
  const reduction = node.attributes.string("reduction", "mean");
  if (reduction === "none") return each;
  const total = (value: string) => b.reduceSum(value, b.axesFrom(value, 0), false);
  if (reduction === "sum") return total(each);
  return b.div(total(each), total(b.where(chosen, weight ? b.reshape(weight, perClass) : b.scalar(1, input), zero)));
}

/** https://onnx.ai/onnx/operators/onnx__NegativeLogLikelihoodLoss.html */
const nll: Lowering = (context) => [negativeLogLikelihood(context, context.x[0]!)];

/** https://onnx.ai/onnx/operators/onnx__SoftmaxCrossEntropyLoss.html */
const crossEntropy: Lowering = (context) => {
  const probabilities = logSoftmax(context.b, context.x[0]!);
  return [negativeLogLikelihood(context, probabilities), probabilities];
};

/** Losses inside a graph, as models exported with their training loss have. */
export const lossLowerings = {
  NegativeLogLikelihoodLoss: nll,
  SoftmaxCrossEntropyLoss: crossEntropy,
} satisfies Lowerings;
