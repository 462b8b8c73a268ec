import { layoutOf } from "../layout.ts";
import { product } from "../tensor.ts";

/** The pixels of a sample that is an image of several channels. */
export interface Pixels {
  readonly count: number;
  readonly channels: number;
  /** Whether the channels of a pixel lie side by side, as in [H, W, C]. */
  readonly channelsLast: boolean;
}

/** The most channels that a picture has; what has more is taken for features. */
const MOST = 16;

/**
 * [H, W, C] where `layoutOf` says so, else [C, H, W]. Null for one channel, and for samples that are no pictures: there each element is
 * a pixel of its own.
 */
export function pixelsOf(shape: readonly number[]): Pixels | null {
  const [a, b, c] = shape;
  if (shape.length !== 3 || a === undefined || b === undefined || c === undefined) return null;
  const channelsLast = layoutOf(shape) === "channels-last";
  const [channels, count] = channelsLast ? [c, a * b] : [a, b * c];
  return channels > 1 && channels <= MOST && count > 1 ? { count, channels, channelsLast } : null;
}

/** What ε counts of a sample, each with the elements that it holds: pixels of several channels, or elements. */
export interface Cells {
  readonly count: number;
  readonly channels: number;
  /** Where channel c of cell p lies. */
  readonly at: (p: number, c: number) => number;
}

/** The cells that a norm counts: pixels where it says so. */
export function cellsOf({ channels }: { readonly channels?: number }, shape: readonly number[]): Cells {
  const pixels = channels === undefined ? null : pixelsOf(shape);
  return pixels ? cellsIn(pixels) : { count: product(shape), channels: 1, at: (p) => p };
}

export const cellsIn = ({ count, channels, channelsLast }: Pixels): Cells => ({
  count,
  channels,
  at: channelsLast ? (p, c) => p * channels + c : (p, c) => c * count + p,
});
