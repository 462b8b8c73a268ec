import type { Random } from "../../../random.ts";
import type { ImageLayout } from "../../steps/image-layout.ts";

/** The moves of a random search in one ball; every function works on one sample. */
export interface Walk {
  /** The first point, into `out`. */
  start(out: Float32Array, x: Float32Array, random: Random): void;
  /** A neighbour of `best` that differs in windows of a share p of the pixels, into `out`. */
  step(out: Float32Array, x: Float32Array, best: Float32Array, p: number, random: Random): void;
}

/** A rectangle of pixels, in all channels. */
export interface Window {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** Iterations, of 10,000, after which p is halved (§4.1). */
const HALVINGS = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000];

/** p, the share of the pixels that a window covers, in iteration 0, 1, … after the start. */
export function shareOfPixels(iteration: number, queries: number, initial: number, rescale: boolean): number {
  const at = rescale ? Math.trunc((iteration / queries) * 10_000) : iteration;
  return initial / 2 ** HALVINGS.filter((after) => at > after).length;
}

/** Height and width of the window that covers the share p: a square, or where the image is too thin a rectangle. */
export function windowSides({ height, width }: ImageLayout, p: number, least = 1): [number, number] {
  const area = p * height * width;
  const side = Math.max(Math.round(Math.sqrt(area)), least);
  if (side <= Math.min(height, width)) return [side, side];
  if (height <= width) return [height, Math.min(width, Math.max(Math.round(area / height), least))];
  return [Math.min(height, Math.max(Math.round(area / width), least)), width];
}

/** A window at a place drawn uniformly from those where it fits. */
export const placeWindow = (image: ImageLayout, [height, width]: [number, number], random: Random): Window => ({
  top: random.integer(image.height - height + 1),
  left: random.integer(image.width - width + 1),
  height,
  width,
});

/** -1 or 1 for each channel. */
export function drawSigns(signs: Int8Array, random: Random): void {
  for (let c = 0; c < signs.length; c++) signs[c] = random.uint32() & 1 ? 1 : -1;
}
