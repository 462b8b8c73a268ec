import { layoutOf as channelsOf } from "../../layout.ts";
import { product } from "../../tensor.ts";

/** 8-bit pixels, channels last, row by row. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** 1: grey, 3: red, green, blue. */
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
}

interface Layout {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  /** Index of a value of the sample. */
  readonly at: (y: number, x: number, channel: number) => number;
}

/**
 * One sample as pixels, `lower` black and `upper` white. [channels, height, width] with 3 channels, or channels last, is
 * in colour, otherwise the first channel is shown; a sample that is no picture is laid out in rows, as square as it goes.
 */
export function toPixels(
  shape: readonly number[],
  values: Float32Array,
  { lower, upper }: { lower: number; upper: number },
): Pixels {
  const { width, height, channels, at } = layoutOf(shape);
  const data = new Uint8Array(width * height * channels);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let channel = 0; channel < channels; channel++, i++) {
        const value = values[at(y, x, channel)] ?? upper;
        data[i] = Math.round(255 * Math.min(1, Math.max(0, (value - lower) / (upper - lower))));
      }
  return { width, height, channels, data };
}

/** How a sample lies on a picture. */
export function layoutOf(shape: readonly number[]): Layout {
  const [a, b, c] = shape;
  if (channelsOf(shape) === "channels-last" && (c === 1 || c === 3))
    return { height: a!, width: b!, channels: c, at: (y, x, channel) => (y * b! + x) * c + channel };
  if (shape.length === 3) return planes(b!, c!, a === 3 ? 3 : 1);
  if (shape.length === 2) return planes(a!, b!, 1);
  const size = product(shape);
  const width = Math.max(1, Math.ceil(Math.sqrt(size)));
  return planes(Math.max(1, Math.ceil(size / width)), width, 1);
}

const planes = (height: number, width: number, channels: 1 | 3): Layout => ({
  height,
  width,
  channels,
  at: (y, x, channel) => (channel * height + y) * width + x,
});

/** The means of blocks of `factor` by `factor` pixels; the last blocks may be smaller. */
export function shrink({ width, height, channels, data }: Pixels, factor: number): Pixels {
  const [smallWidth, smallHeight] = [Math.ceil(width / factor), Math.ceil(height / factor)];
  const size = smallWidth * smallHeight * channels;
  const [sums, counts] = [new Float64Array(size), new Uint32Array(size)];
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let channel = 0; channel < channels; channel++, i++) {
        const j = (Math.floor(y / factor) * smallWidth + Math.floor(x / factor)) * channels + channel;
        sums[j]! += data[i]!;
        counts[j]!++;
      }
  const means = Uint8Array.from(sums, (sum, j) => Math.round(sum / counts[j]!));
  return { width: smallWidth, height: smallHeight, channels, data: means };
}
