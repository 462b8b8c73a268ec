import { defineMethod, type TrainingNorm } from "../../harden.ts";
import { type ClimbOptions, climb, ofCrossEntropy, uniformStart } from "../inner/climb.ts";
import { labelSmoothing, type Smoothing, smoothedCrossEntropy } from "./losses.ts";
import { atOnce, type Rise, riseAbout, risen } from "./rise.ts";

export interface PgdTrainingOptions extends ClimbOptions, Smoothing, Rise {}

/**
 * Adversarial training (Madry et al. 2018, eq. 2.1): the cross-entropy at the last point of PGD from a random start of the ball. Defaults:
 * 7 steps of ε/4, as the authors' CIFAR-10 training.
 */
export const pgd = defineMethod<PgdTrainingOptions, TrainingNorm>({
  name: "pgd",
  title: "adversarial training with PGD",
  passes: "steps + 1",
  paper: "https://arxiv.org/abs/1706.06083",
  norms: ["linf", "l2", "l1"],
  defaults: { steps: 7, stepSize: "0.25eps", labelSmoothing: 0, ...atOnce },
  about: {
    steps: "gradient steps of the inner attack",
    stepSize: { length: "of a step" },
    labelSmoothing,
    ...riseAbout,
  },
  asks: ["adversarial"],
  epsilon: ({ progress, epsilon }, rise) => epsilon * risen("pgd", progress, rise),
  attack: (task, options) => climb(task, options, uniformStart(task), ofCrossEntropy(task)),
  loss: ({ b, adversarial, labels }, options) => smoothedCrossEntropy(b, adversarial, labels, options.labelSmoothing),
});
