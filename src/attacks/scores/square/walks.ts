import type { Box, NormName } from "../../../norm.ts";
import type { ImageLayout } from "../../steps/image-layout.ts";
import { bumpWalk } from "./bumps.ts";
import { drawSigns, placeWindow, type Walk, windowSides } from "./windows.ts";

/** Draws after which a window that changes nothing is taken all the same: ε may be less than a spacing of the pixels. */
const MOST_DRAWS = 32;

/** L∞: vertical stripes, then squares, of ±ε in each channel (algorithm 2). */
function cornerWalk(image: ImageLayout, epsilon: number, { lower, upper }: Box): Walk {
  const { channels, height, width, channelStep, rowStep, columnStep } = image;
  const e = Math.fround(epsilon);
  const signs = new Int8Array(channels);
  const corner = (v: number, sign: number): number => Math.min(upper, Math.max(lower, Math.fround(v + sign * e)));
  return {
    start(out, x, random) {
      for (let c = 0; c < channels; c++)
        for (let column = 0; column < width; column++) {
          const sign = random.uint32() & 1 ? 1 : -1;
          for (let row = 0; row < height; row++) {
            const i = c * channelStep + row * rowStep + column * columnStep;
            out[i] = corner(x[i]!, sign);
          }
        }
    },
    step(out, x, best, p, random) {
      out.set(best);
      const at = placeWindow(image, windowSides(image, p), random);
      for (let draw = 0, changed = false; !changed && draw < MOST_DRAWS; draw++) {
        drawSigns(signs, random);
        for (let c = 0; c < channels; c++)
          for (let row = at.top; row < at.top + at.height; row++)
            for (let column = at.left; column < at.left + at.width; column++) {
              const i = c * channelStep + row * rowStep + column * columnStep;
              out[i] = corner(x[i]!, signs[c]!);
              changed ||= out[i] !== best[i];
            }
      }
    },
  };
}

/** The walk of each norm. */
export const walks = {
  linf: cornerWalk,
  l2: (image, epsilon, box) => bumpWalk("l2", image, epsilon, box),
  l1: (image, epsilon, box) => bumpWalk("l1", image, epsilon, box),
} as const satisfies Partial<Record<NormName, (image: ImageLayout, epsilon: number, box: Box) => Walk>>;
