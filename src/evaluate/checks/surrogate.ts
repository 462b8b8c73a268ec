import { predict } from "../../attack.ts";
import type { Batch, Dataset } from "../../dataset.ts";
import type { Accuracy, Warning } from "../../evaluate.ts";
import type { Model } from "../../model.ts";
import { modelFor } from "../../models/classifier/graph-model.ts";
import { option } from "../../option.ts";
import type { BatchPlan } from "../course/batch.ts";
import { accuracyOf, type Interval } from "../results/statistics.ts";

/** How much less accurate than the model a surrogate may be without a word. */
const WORSE = 0.1;

/** Counts on how many samples a surrogate is right. */
export interface SurrogateCount {
  readonly add: (batch: Batch) => Promise<void>;
  readonly accuracy: () => Accuracy;
}

export function surrogateCount(surrogate: Model, interval?: Interval): SurrogateCount {
  let [correct, total] = [0, 0];
  return {
    async add({ x, labels, indices }) {
      const predictions = predict(await (await modelFor(surrogate, x)).logits(x, indices));
      correct += predictions.filter((p, i) => p === labels[i]).length;
      total += labels.length;
    },
    accuracy: () => accuracyOf(correct, total, interval),
  };
}

/** The surrogate of a plan, where an attack works on it. */
export const surrogateOf = ({ attacks }: BatchPlan, surrogate: Model | undefined): Model | undefined =>
  attacks.some(({ attack }) => attack.also === "surrogate") ? surrogate : undefined;

/** On how many of the samples that are evaluated a surrogate is right. */
export async function surrogateAccuracy(
  surrogate: Model,
  data: Dataset,
  { offset, limit, batch, signal }: { offset: number; limit: number; batch: number; signal?: AbortSignal | undefined },
  interval?: Interval,
): Promise<Accuracy> {
  const count = surrogateCount(surrogate, interval);
  for await (const samples of data.batches({ batch, offset, limit, signal })) await count.add(samples);
  return count.accuracy();
}

/** What makes examples of a surrogate say little: it is much less accurate than the model, or no better than a guess. */
export function surrogateWarnings(name: string, found: Accuracy, clean: Accuracy, classes: number): Warning[] {
  const worse = found.ci95[1] < clean.ci95[0] && found.accuracy < clean.accuracy - WORSE;
  const guesses = found.correct < found.total && found.ci95[0] <= 1 / classes;
  if (!worse && !guesses) return [];
  return [
    {
      code: "surrogate-accuracy",
      message: `The surrogate ${name} is right on ${percent(found)} of the samples, and the model on ${percent(clean)}. Examples made on a network that does not read the data rightly transfer badly, and robust accuracy is overstated. Check the surrogate's own preprocessing (${option("surrogate.normalization.mean")}, ${option("surrogate.normalization.std")}) and the order of its classes.`,
    },
  ];
}

const percent = ({ accuracy }: Accuracy): string => `${(100 * accuracy).toFixed(2)} %`;
