import { type DifferentiableModel, isDifferentiable, type Model } from "../../model.ts";
import type { FloatTensor } from "../../tensor.ts";

/** A point that a model was run on. */
export interface Query {
  readonly kind: "logits" | "gradient";
  readonly x: FloatTensor;
  /** Whose query each row is, where it was said. */
  readonly samples: Int32Array | undefined;
  /** [n, classes] at x. */
  readonly logits: FloatTensor;
}

/**
 * A model that tells `hear` each query that it has answered, in order: the iterations of any attack, seen from outside.
 * What is heard is that of the moment: whoever keeps it copies it.
 */
export function traced<M extends Model>(model: M, hear: (query: Query) => void | Promise<void>): M {
  const told: Model & Partial<DifferentiableModel> = {
    ...model,
    origin: model.origin ?? model,
    async logits(x, samples) {
      const logits = await model.logits(x, samples);
      await hear({ kind: "logits", x, samples, logits });
      return logits;
    },
  };
  if (isDifferentiable(model))
    told.gradient = async (x, goal, loss, samples) => {
      const answer = await model.gradient(x, goal, loss, samples);
      await hear({ kind: "gradient", x, samples, logits: answer.logits });
      return answer;
    };
  // What it has of M beyond a model's own members, it has by the spread.
  return told as M;
}
