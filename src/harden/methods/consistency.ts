import { PerturbError } from "../../errors.ts";
import { defineMethod } from "../../harden.ts";
import { checkNoise, type NoiseOptions, noiseAbout, noiseOf, withNoise } from "../inner/noise.ts";
import { crossEntropy, logSoftmax } from "./losses.ts";

export interface ConsistencyOptions extends NoiseOptions {
  readonly lambda: number;
  readonly eta: number;
}

/** Below which the logarithm of a mean probability does not fall, as in the authors' code. */
const LEAST = 1e-20;

/**
 * Consistency of the answers under noise (Jeong and Shin 2020, §3): the cross-entropy at noisy copies of a sample, plus λ times the mean over these of
 * KL(F̂ ‖ F(x + δ)), plus η times the entropy of F̂, where F̂ is the mean of their probabilities F(x + δ). Defaults: two copies, λ = 10 and
 * η = 0.5, as for MNIST.
 */
export const consistency = defineMethod<ConsistencyOptions, "l2">({
  name: "consistency",
  title: "training under noise for answers that agree, for smoothing",
  passes: "draws",
  paper: "https://arxiv.org/abs/2006.04062",
  norms: ["l2"],
  defaults: { sigma: 0.25, draws: 2, lambda: 10, eta: 0.5 },
  about: {
    ...noiseAbout,
    lambda: "weight of the divergence between the answers (λ)",
    eta: "weight of the entropy of their mean (η)",
  },
  asks: ["adversarial"],
  noise({ lambda, eta, ...options }) {
    checkNoise("consistency", options, 2);
    for (const [name, value] of Object.entries({ lambda, eta }))
      if (!(value >= 0)) throw new PerturbError("usage", `consistency.${name} must be at least 0, got ${value}.`);
    return options.sigma;
  },
  attack: async (task, options) => withNoise(task.x, noiseOf(task, options)),
  loss({ b, adversarial, labels }, { draws, lambda, eta }) {
    const classes = b.size(adversarial, 1);
    // [n, draws, classes]
    const logs = b.reshape(logSoftmax(b, adversarial), [-1, draws, classes]);
    const mean = b.reduceMean(b.exp(logs), [1], true);
    const log = b.add("Log", [b.add("Max", [mean, b.scalar(LEAST, mean)])]);
    const apart = b.reduceSum(b.mul(mean, b.sub(log, logs)), [2], false);
    const entropy = b.neg(b.reduceSum(b.mul(mean, log), [2], false));
    const regular = b.plus(b.mul(apart, b.scalar(lambda, apart)), b.mul(entropy, b.scalar(eta, entropy)));
    return b.plus(crossEntropy(b, adversarial, labels), b.reshape(regular, [-1]));
  },
});
