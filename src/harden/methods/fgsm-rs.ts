import { defineMethod, type TrainingNorm } from "../../harden.ts";
import type { Length } from "../../length.ts";
import { climb, ofCrossEntropy, uniformPoint } from "../inner/climb.ts";
import { labelSmoothing, type Smoothing, smoothedCrossEntropy } from "./losses.ts";
import { atOnce, type Rise, riseAbout, risen } from "./rise.ts";

export interface FgsmRsOptions extends Smoothing, Rise {
  readonly stepSize: Length;
}

/**
 * FGSM from a random start (Wong, Rice and Kolter 2020, algorithm 3): δ drawn uniformly from the ball, also where it leaves the bounds, one step of
 * α = 1.25 ε, back into the ball and the bounds, and a step of the weights on the cross-entropy there. Two passes a sample, the cheapest method. It may overfit to
 * its one step, of which the held-out samples tell.
 */
export const fgsmRs = defineMethod<FgsmRsOptions, TrainingNorm>({
  name: "fgsm-rs",
  title: "FGSM from a random start",
  passes: "2",
  paper: "https://arxiv.org/abs/2001.03994",
  norms: ["linf", "l2", "l1"],
  defaults: { stepSize: "1.25eps", labelSmoothing: 0, ...atOnce },
  about: { stepSize: { length: "of the step" }, labelSmoothing, ...riseAbout },
  asks: ["adversarial"],
  epsilon: ({ progress, epsilon }, rise) => epsilon * risen("fgsm-rs", progress, rise),
  attack: (task, { stepSize }) => climb(task, { steps: 1, stepSize }, uniformPoint(task), ofCrossEntropy(task)),
  loss: ({ b, adversarial, labels }, options) => smoothedCrossEntropy(b, adversarial, labels, options.labelSmoothing),
});
