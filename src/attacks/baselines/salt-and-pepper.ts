import { defineAttack } from "../../attack.ts";
import type { Model } from "../../model.ts";
import { NOISE_ABOUT, NOISE_DEFAULTS, type NoiseOptions, noise } from "../steps/noise.ts";

/**
 * Salt-and-pepper noise: ε elements drawn without replacement, each set to one of the bounds at random. A base line of L0.
 * Default: the best of 10 draws. Difference from Foolbox (Rauber, Brendel and Bethge 2017), which raises the share of
 * noisy pixels until the sample is fooled: the number of elements is given, and is never exceeded.
 */
export const saltAndPepper = defineAttack<Model, NoiseOptions>({
  name: "salt-and-pepper",
  title: "salt-and-pepper noise",
  paper: "https://arxiv.org/abs/1707.04131",
  norms: ["l0"],
  aim: "within-epsilon",
  needs: "logits",
  baseline: true,
  defaults: NOISE_DEFAULTS,
  about: NOISE_ABOUT,
  propose: (task, options) =>
    noise(task, options, (out, x, { epsilon, model: { bounds } }, random) => {
      const order = Uint32Array.from({ length: x.length }, (_, i) => i);
      for (let k = 0; k < Math.min(Math.floor(epsilon), x.length); k++) {
        const other = k + random.integer(x.length - k);
        const chosen = order[other]!;
        order[other] = order[k]!;
        out[chosen] = random.uint32() & 1 ? bounds.upper : bounds.lower;
      }
    }),
});
