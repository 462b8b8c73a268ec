import { straightThroughName } from "../../autodiff/straight-through.ts";
import { tensor } from "../../tensor.ts";
import type { Defence } from "../defence.ts";

/** A value that rounding has put just above a level is not above it, whatever the units of the input. */
const HAIR = 2 ** -20;

/**
 * Thermometer encoding (Buckman et al. 2018): each channel becomes N, of which the k-th is 1 where the value is above k/N, k from 0 to N - 1, and else 0.
 * The network has to be one that was trained on such channels: those of the first channel come first. The step is Ceil of clip(x - k/N, 0, 1),
 * and passes the gradient of that clip, as Athalye, Carlini and Wagner did to break it (2018).
 */
export const thermometer: Defence = {
  name: "thermometer",
  title: "thermometer encoding, for a network that takes it",
  paper: "https://openreview.net/forum?id=S18Su--CW",
  number: { about: "channels that each channel becomes", byDefault: 10, least: 2, most: 256 },
  isOfPictures: true,
  isRandom: false,
  encodes: true,
  apply: ({ b, x, size: { channels, height, width } }, levels) => {
    const least = tensor(
      "float32",
      [levels, 1, 1],
      Float32Array.from({ length: levels }, (_, k) => k / levels + HAIR),
    );
    const above = b.sub(b.unsqueeze(x, [2]), b.constant(least));
    const clipped = b.add("Clip", [above, b.scalar(0, x), b.scalar(1, x)]);
    const stepped = b.named(straightThroughName(b.fresh("Ceil")), "Ceil", [clipped]);
    return b.reshape(stepped, [-1, channels * levels, height, width]);
  },
};
