import type { Box } from "../../../norm.ts";
import type { Random } from "../../../random.ts";
import type { ImageLayout } from "../../steps/image-layout.ts";

/** Candidates of one sample: of each the place (row, column) and the values of its pixels, one after another. */
export interface Genes {
  /** The first generation. */
  readonly begin: (out: Float64Array, random: Random) => void;
  /** For each candidate a mutant of three others, x_r1 + F (x_r2 - x_r3). */
  readonly mutate: (out: Float64Array, parents: Float64Array, factor: number, random: Random) => void;
  /** The sample with the pixels of candidate i, into `out`. */
  readonly paint: (out: Float32Array, x: Float32Array, genes: Float64Array, i: number) => void;
  /** Numbers of one candidate. */
  readonly length: number;
}

/** Mean and deviation of the first values, in ranges of the input. */
const [MEAN, DEVIATION] = [128 / 255, 127 / 255];

/** Candidates of so many pixels in such an image. */
export function genesOf(pixels: number, image: ImageLayout, { lower, upper }: Box): Genes {
  const { channels, height, width, channelStep, rowStep, columnStep } = image;
  const step = 2 + channels;
  const length = pixels * step;
  const cut = (v: number): number => (v < lower ? lower : v > upper ? upper : v);
  return {
    length,
    begin(out, random) {
      for (let at = 0; at < out.length; at += step) {
        out[at] = height * random.uniform();
        out[at + 1] = width * random.uniform();
        for (let c = 2; c < step; c++)
          out[at + c] = cut(lower + (upper - lower) * (MEAN + DEVIATION * random.normal()));
      }
    },
    mutate(out, parents, factor, random) {
      const count = parents.length / length;
      for (let i = 0; i < count; i++) {
        const others = [i];
        while (others.length < 4) {
          const r = random.integer(count);
          if (!others.includes(r)) others.push(r);
        }
        const [r1, r2, r3] = [others[1]! * length, others[2]! * length, others[3]! * length];
        for (let k = 0; k < length; k++) {
          const v = parents[r1 + k]! + factor * (parents[r2 + k]! - parents[r3 + k]!);
          const gene = k % step;
          const side = gene === 0 ? height : width;
          out[i * length + k] = gene > 1 ? cut(v) : v >= 0 && v < side ? v : side * random.uniform();
        }
      }
    },
    paint(out, x, genes, i) {
      out.set(x);
      for (let at = i * length; at < (i + 1) * length; at += step) {
        const offset = Math.floor(genes[at]!) * rowStep + Math.floor(genes[at + 1]!) * columnStep;
        for (let c = 0; c < channels; c++) out[offset + c * channelStep] = genes[at + 2 + c]!;
      }
    },
  };
}
