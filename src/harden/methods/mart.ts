import { defineMethod, type TrainingNorm } from "../../harden.ts";
import { type ClimbOptions, climb, ofCrossEntropy, uniformStart } from "../inner/climb.ts";
import { atLabel, crossEntropy, divergence, largestOther, logSoftmax } from "./losses.ts";
import { atOnce, type Rise, riseAbout, risen } from "./rise.ts";

export interface MartOptions extends ClimbOptions, Rise {
  readonly beta: number;
}

/**
 * MART (Wang et al. 2020, eq. 8 to 11): at the point x' of PGD the boosted cross-entropy -log p_y - log(1 - max_{k≠y} p_k), plus λ times
 * KL(f(x) ‖ f(x'))·(1 - p_y(x)), so that samples that are wrong anyway count more. The authors' code keeps the second
 * logarithm from infinity with 1.0001 and 1e-12, and so does this. Defaults: 10 steps of ε/4, λ = 5.
 */
export const mart = defineMethod<MartOptions, TrainingNorm>({
  name: "mart",
  title: "MART, which weighs misclassified samples",
  passes: "steps + 2",
  paper: "https://openreview.net/forum?id=rklOg6EFwS",
  norms: ["linf", "l2", "l1"],
  defaults: { beta: 5, steps: 10, stepSize: "0.25eps", ...atOnce },
  about: {
    beta: "weight of the divergence (λ in the paper)",
    steps: "gradient steps of the inner attack",
    stepSize: { length: "of a step" },
    ...riseAbout,
  },
  asks: ["clean", "adversarial"],
  epsilon: ({ progress, epsilon }, rise) => epsilon * risen("mart", progress, rise),
  attack: (task, options) => climb(task, options, uniformStart(task), ofCrossEntropy(task)),
  loss({ b, clean, adversarial, labels }, { beta }) {
    const others = largestOther(b, b.exp(logSoftmax(b, adversarial)), adversarial, labels);
    const margin = b.add("Log", [b.plus(b.sub(b.scalar(1.0001, others), others), b.scalar(1e-12, others))]);
    const boosted = b.sub(crossEntropy(b, adversarial, labels), margin);
    const truth = atLabel(b, b.exp(logSoftmax(b, clean)), clean, labels);
    const doubt = b.plus(b.sub(b.scalar(1, truth), truth), b.scalar(1e-7, truth));
    return b.plus(boosted, b.mul(b.scalar(beta, truth), b.mul(divergence(b, clean, adversarial), doubt)));
  },
});
