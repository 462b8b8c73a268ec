import type { Evaluation, Warning } from "../../evaluate.ts";
import { option } from "../../option.ts";
import type { Tally } from "../results/tally.ts";

/** Above this share of tiny gradients there is a warning. */
const MANY = 0.1;

/**
 * What is said of a model's output: how it was read, and what of it can mislead attacks. `decisions`: attacks to add for labels;
 * `masked`: to see behind gradients that vanish.
 */
export function* headWarnings(
  { model, data }: Pick<Evaluation, "model" | "data">,
  { unitScores, labelScores, tinyGradients, points }: Tally,
  decisions = "",
  masked = "",
): Generator<Warning> {
  const said = SAID[model.head];
  if (said) yield said;
  const attacked = points[0]?.attacked ?? 0;
  if (labelScores === data.total || model.head === "labels")
    yield {
      code: "hard-labels",
      message: `The scores of the model are labels: 1 for the class predicted, 0 for all others. Attacks that follow scores or gradients see no slope there, and robust accuracy is overstated.${decisions} A model with an output of scores shows more (${option("output")}).`,
    };
  else if (unitScores === data.total && model.head === "logits")
    yield {
      code: "unit-scores",
      message: `The scores of all ${data.total} samples lie in [0, 1] and do not sum to 1, and no sigmoid was found that they come from. Gradients vanish where such scores are near 0 or 1, and robust accuracy may be overstated. If they are probabilities that stand by themselves, say so (${option("head", "sigmoid")}); or choose the value before them (${option("output")}).`,
    };
  if (attacked > 0 && tinyGradients >= MANY * attacked)
    yield {
      code: "tiny-gradient",
      message: `The gradient of ${tinyGradients} of ${attacked} attacked samples is tiny: no element reaches 1e-9 of the loss for the whole range of an input. What is left of it may be rounding, and robust accuracy may be overstated. The model is very confident, or it flattens its scores.${masked}`,
    };
}

const SAID: Partial<Record<Evaluation["model"]["head"], Warning>> = {
  softmax: {
    code: "softmax-head",
    message:
      "The model ends in a softmax. perturb found the logits behind it and builds the loss on them. You need not change anything.",
  },
  sigmoid: {
    code: "sigmoid-head",
    message:
      "The model ends in a sigmoid for each class. perturb found the logits behind them and builds the loss on these; the class with the largest score is predicted, one for each sample.",
  },
  monotone: {
    code: "monotone-head",
    message:
      "The model ends in a function that flattens its scores and keeps their order. perturb builds the loss on the values behind it. You need not change anything.",
  },
  hidden: {
    code: "hidden-logits",
    message:
      "The model gives probabilities and hides its logits. The loss is built on their logarithm. Its gradient vanishes where a probability is rounded to 0 or 1, and robust accuracy may be overstated. Export the model with its logits.",
  },
};
