import { defineAttack } from "../../attack.ts";
import type { Model } from "../../model.ts";
import { type Box, type Pixels, pixelsOf } from "../../norm.ts";
import type { Random } from "../../random.ts";
import { NOISE_ABOUT, NOISE_DEFAULTS, type NoiseOptions, noise } from "../steps/noise.ts";

/**
 * Salt-and-pepper noise: ε pixels (elements, of samples that are no pictures) drawn without replacement, each set to one of the bounds at random. A base line of L0.
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
      const pixels = task.norm.channels === undefined ? null : pixelsOf(task.x.dims.slice(1));
      if (pixels) return saltPixels(out, pixels, epsilon, bounds, random);
      const order = Uint32Array.from({ length: x.length }, (_, i) => i);
      for (let k = 0; k < Math.min(Math.floor(epsilon), x.length); k++) {
        const other = k + random.integer(x.length - k);
        const chosen = order[other]!;
        order[other] = order[k]!;
        out[chosen] = random.uint32() & 1 ? bounds.upper : bounds.lower;
      }
    }),
});

/** Whole pixels, white or black. */
function saltPixels(
  out: Float32Array,
  { count, channels, channelsLast }: Pixels,
  epsilon: number,
  { lower, upper }: Box,
  random: Random,
): void {
  const order = Uint32Array.from({ length: count }, (_, p) => p);
  for (let k = 0; k < Math.min(Math.floor(epsilon), count); k++) {
    const other = k + random.integer(count - k);
    const p = order[other]!;
    order[other] = order[k]!;
    const value = random.uint32() & 1 ? upper : lower;
    for (let c = 0; c < channels; c++) out[channelsLast ? p * channels + c : c * count + p] = value;
  }
}
