import { defineAttack } from "../../attack.ts";
import type { Model } from "../../model.ts";
import { NOISE_ABOUT, NOISE_DEFAULTS, type NoiseOptions, noise } from "../steps/noise.ts";

/**
 * Noise drawn uniformly from the ball, then clipped to the bounds: the control experiment of Goodfellow et al. 2015 (§6). A
 * baseline: an attack that does no better than this has learned nothing from the model. Default: the best of 10 draws.
 */
export const uniformNoise = defineAttack<Model, NoiseOptions>({
  name: "uniform-noise",
  title: "uniform noise",
  paper: "https://arxiv.org/abs/1412.6572",
  norms: ["linf", "l2", "l1"],
  aim: "within-epsilon",
  needs: "logits",
  baseline: true,
  defaults: NOISE_DEFAULTS,
  about: NOISE_ABOUT,
  propose: (task, options) =>
    noise(task, options, (out, x, { norm, epsilon }, random) => norm.uniform(out, x, epsilon, random)),
});
