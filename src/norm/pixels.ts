/** The pixels of a sample that is an image of several channels. */
export interface Pixels {
  readonly count: number;
  readonly channels: number;
  /** Whether the channels of a pixel lie side by side, as in [H, W, C]. */
  readonly channelsLast: boolean;
}

const mayBeChannels = (n: number): boolean => n === 1 || n === 3 || n === 4;
/** The most channels that a picture has; what has more is taken for features. */
const MOST = 16;

/**
 * [C, H, W]; or [H, W, C] where only the last can be a number of channels (1, 3 or 4). Null for one channel, and for samples that are
 * no pictures: there each element is a pixel of its own.
 */
export function pixelsOf(shape: readonly number[]): Pixels | null {
  const [a, b, c] = shape;
  if (shape.length !== 3 || a === undefined || b === undefined || c === undefined) return null;
  const channelsLast = mayBeChannels(c) && !mayBeChannels(a);
  const [channels, count] = channelsLast ? [c, a * b] : [a, b * c];
  return channels > 1 && channels <= MOST && count > 1 ? { count, channels, channelsLast } : null;
}
