import { defineMethod } from "../../harden.ts";
import { checkNoise, type NoiseOptions, noiseAbout, noiseOf, withNoise } from "../inner/noise.ts";
import { crossEntropy } from "./losses.ts";

/**
 * The cross-entropy at samples with Gaussian noise (Cohen, Rosenfeld and Kolter 2019, §3.3), for the classifier that is smoothed by the same noise. There is
 * no attack: ε is what the samples held out are counted at.
 */
export const gaussian = defineMethod<NoiseOptions, "l2">({
  name: "gaussian",
  title: "training under noise, for smoothing",
  passes: "draws",
  paper: "https://arxiv.org/abs/1902.02918",
  norms: ["l2"],
  defaults: { sigma: 0.25, draws: 1 },
  about: noiseAbout,
  asks: ["adversarial"],
  noise(options) {
    checkNoise("gaussian", options);
    return options.sigma;
  },
  attack: async (task, options) => withNoise(task.x, noiseOf(task, options)),
  loss: ({ b, adversarial, labels }) => crossEntropy(b, adversarial, labels),
});
