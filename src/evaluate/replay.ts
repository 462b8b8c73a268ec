import { predict } from "../attack.ts";
import type { EvaluationResult } from "../evaluate.ts";
import type { Model } from "../model.ts";
import { stacked, tensor } from "../tensor.ts";
import { probability } from "./results/statistics.ts";

/** What a model says of an input that was made against another model. */
export interface Answer {
  readonly prediction: number;
  /** Probability of the prediction. */
  readonly confidence: number;
}

/**
 * What another model says of the adversarial examples of a result, in the order of `pictures`. An example that no longer fools shows
 * nothing more than that: a new attack on the model may find another. @throws mismatch for another shape of input; runtime
 */
export async function replay(model: Model, { pictures }: EvaluationResult): Promise<readonly (readonly Answer[])[]> {
  const answers: Answer[][] = [];
  for (const row of pictures) {
    const [first] = row;
    if (!first) {
      answers.push([]);
      continue;
    }
    const like = tensor("float32", [1, ...first.shape], first.adversarial);
    const x = stacked(
      row.map(({ adversarial }) => adversarial),
      like,
    );
    const logits = await model.logits(x);
    answers.push(
      Array.from(predict(logits), (prediction, i) => ({
        prediction,
        confidence: probability(logits.data, i, model.classes, prediction, model.head),
      })),
    );
  }
  return answers;
}
