import { product } from "./tensor.ts";

/** Where the channels of a picture stand among the sizes of one sample: [C, H, W] or [H, W, C]. */
export type Layout = "channels-first" | "channels-last";

const GREY_OR_RGB = [1, 3];
const WITH_ALPHA = [1, 3, 4];

/**
 * The layout of samples that are pictures: the end that can be a number of channels (1, 3, or else 4) is that of the
 * channels, the first one where both can. Null for samples that are no pictures.
 */
export function layoutOf(shape: readonly number[]): Layout | null {
  const [a, , c] = shape;
  if (shape.length !== 3) return null;
  for (const channels of [GREY_OR_RGB, WITH_ALPHA]) {
    if (channels.includes(a!)) return "channels-first";
    if (channels.includes(c!)) return "channels-last";
  }
  return null;
}

/** Whether both ends of a shape can be the channels of a picture, so that `layoutOf` is a guess. */
export const isAmbiguous = (shape: readonly number[]): boolean =>
  shape.length === 3 &&
  [shape[0]!, shape[2]!].every((size) => GREY_OR_RGB.includes(size)) &&
  !(shape[0] === 1 && shape[2] === 1);

/** The axis of one sample that holds its channels, or its features where it is no picture. */
export const channelAxis = (shape: readonly number[]): number => (layoutOf(shape) === "channels-last" ? 2 : 0);

/** For element i of one sample, the channel that it belongs to. */
export function channelOf(shape: readonly number[]): (i: number) => number {
  const axis = channelAxis(shape);
  const after = product(shape.slice(axis + 1));
  const channels = shape[axis] ?? 1;
  return (i) => Math.floor(i / after) % channels;
}

/** [C, H, W] of samples [H, W, C], and the other way round; null where the one is not the other with its axes moved. */
export function transposed(
  from: readonly number[],
  to: readonly number[],
): ((sample: Float32Array, out: Float32Array) => void) | null {
  if (from.length !== 3 || to.length !== 3 || `${from}` === `${to}`) return null;
  const target = layoutOf(to);
  // Where the source may be either, it is what fits.
  const source = isAmbiguous(from) && target === "channels-first" ? "channels-last" : layoutOf(from);
  if (source === null || target === null || source === target) return null;
  const planes = source === "channels-first" ? from : to;
  const rows = source === "channels-first" ? to : from;
  const [channels, height, width] = planes as [number, number, number];
  if (`${rows}` !== `${[height, width, channels]}`) return null;
  const size = height * width;
  return source === "channels-first"
    ? (sample, out) => interleave(sample, out, channels, size)
    : (sample, out) => {
        for (let i = 0; i < size; i++) for (let c = 0; c < channels; c++) out[c * size + i] = sample[i * channels + c]!;
      };
}

/** Planes to pixels: [C, size] to [size, C]. */
export function interleave(planes: Float32Array, out: Float32Array, channels: number, size: number): void {
  for (let i = 0; i < size; i++) for (let c = 0; c < channels; c++) out[i * channels + c] = planes[c * size + i]!;
}

/**
 * The shape of one sample as a model with these sizes (null: open) takes it: as it is, or with its channels at the other
 * end where only that fits.
 */
export function fittingShape(shape: readonly number[], sizes: readonly (number | null)[]): readonly number[] {
  const fits = (dims: readonly number[]) =>
    dims.length === sizes.length && sizes.every((size, i) => size === null || size === dims[i]);
  if (shape.length !== 3 || fits(shape)) return shape;
  const [a, b, c] = shape as [number, number, number];
  const other = layoutOf(shape) === "channels-last" ? [c, a, b] : [b, c, a];
  return layoutOf(shape) !== null && fits(other) ? other : shape;
}
