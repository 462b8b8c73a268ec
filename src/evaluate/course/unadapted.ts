import { predict } from "../../attack.ts";
import type { Batch } from "../../dataset.ts";
import { isDifferentiable, type Model } from "../../model.ts";
import { isGraphModel } from "../../models/classifier/graph-model.ts";
import type { FloatTensor } from "../../tensor.ts";
import { outcomes } from "../results/outcomes.ts";
import type { UnadaptedTally } from "../results/tally.ts";
import { type CascadePlan, cascade, type Judgement, type Subjects } from "./cascade.ts";

interface Claim {
  /** The model with its defences. */
  readonly model: Model;
  readonly batch: Batch;
  /** What it gives for the batch, the samples of it that are attacked, and the number of those that are correct and are not. */
  readonly logits: FloatTensor;
  readonly attacked: Subjects;
  readonly untouched: number;
  readonly plan: CascadePlan;
  readonly needsGradient: boolean;
  readonly surrogate?: Model | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface Claimed {
  readonly tally: UnadaptedTally;
  /** What it cost: samples run forward, and forward and backward. */
  readonly forwards: number;
  readonly gradients: number;
}

/**
 * What a model with defences claims: the attacks of the plan once more, which see the network without its defences, while what they make is
 * judged by the model with them. So attacks whoever does not know of the defence. Undefined for a model without any.
 */
export async function withoutAdaptation(claim: Claim): Promise<Claimed | undefined> {
  const { model, batch, logits, attacked, untouched, plan, needsGradient, surrogate, signal } = claim;
  const network = isGraphModel(model) ? await model.undefended?.() : undefined;
  if (!network) return undefined;
  const { labels, x, indices } = batch;
  const predictions = predict(await network.logits(x, indices));
  const right = predictions.filter((prediction, i) => prediction === labels[i]).length;
  const withGradient = needsGradient && isDifferentiable(network) && attacked.labels.length > 0;
  const start = withGradient
    ? await network.gradient(attacked.x, attacked.goal, "cross-entropy", attacked.indices)
    : undefined;
  const found = outcomes(attacked, plan.epsilons.length, model.head);
  let series = 0;
  const hear = (judgement: Judgement): void => {
    for (; series < plan.attacks[judgement.entry]!.series; series++) found.settle();
    found.hear(judgement);
  };
  // The network does not draw at random.
  const once = { ...plan, eot: 1, attacks: plan.attacks.map((entry) => ({ ...entry, eot: 1 })) };
  const course = await cascade(model, { ...attacked, start }, once, hear, { surrogate, signal, seen: network });
  found.settle();
  const sum = (counts: Int32Array): number => counts.reduce((a, b) => a + b, 0);
  return {
    tally: { network: right, correct: found.worst(logits, []).map(({ notFooled }) => untouched + notFooled.length) },
    forwards: labels.length + sum(course.forwards) + sum(course.judged),
    gradients: sum(course.gradients) + (withGradient ? attacked.labels.length : 0),
  };
}
