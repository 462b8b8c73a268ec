import { predict } from "../../../src/attack.ts";
import { probability } from "../../../src/evaluate/results/statistics.ts";
import type { Model } from "../../../src/model.ts";
import { type FloatTensor, tensor } from "../../../src/tensor.ts";
import type { Answer } from "../engine.ts";

/** One sample as a batch. */
export const batchOf = ({ inputShape }: Pick<Model, "inputShape">, x: Float32Array): FloatTensor =>
  tensor("float32", [1, ...inputShape], x);

/** Logits, probabilities and prediction of row `i`. */
export function answerOf(logits: FloatTensor, i = 0): Answer {
  const classes = logits.dims[1]!;
  return {
    logits: Array.from(logits.data.subarray(i * classes, (i + 1) * classes)),
    probabilities: Array.from({ length: classes }, (_, c) => probability(logits.data, i, classes, c)),
    prediction: predict(logits)[i]!,
  };
}
