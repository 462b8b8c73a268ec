import { defineAttack } from "../../attack.ts";
import type { Model } from "../../model.ts";
import { NOISE_ABOUT, NOISE_DEFAULTS, type NoiseOptions, noise } from "../steps/noise.ts";

/**
 * Gaussian noise scaled so that its length is ε after clipping to the bounds (Rauber and Bethge 2020, §2), where plain
 * clipping would leave it shorter. A baseline. Default: the best of 10 draws.
 */
export const gaussianNoise = defineAttack<Model, NoiseOptions>({
  name: "gaussian-noise",
  title: "Gaussian noise",
  paper: "https://arxiv.org/abs/2007.07677",
  norms: ["l2"],
  aim: "within-epsilon",
  needs: "logits",
  baseline: true,
  defaults: NOISE_DEFAULTS,
  about: NOISE_ABOUT,
  propose: (task, options) =>
    noise(task, options, (out, x, { norm, epsilon, model }, random) => {
      for (let i = 0; i < out.length; i++) out[i] = random.normal();
      // The steepest step along the noise is the noise, scaled, cut by the bounds, of length ε.
      norm.ascend(out, x, out.slice(), epsilon, model.bounds);
    }),
});
