import type { CropRounding, Interpolation } from "../models/preprocessing/preprocessing.ts";
import {
  BITS,
  cropStart,
  FILTERS,
  type Filter,
  fixedWeights,
  halfToEven,
  isHeightFirst,
  POINTWISE,
  places,
  pointWeights,
  type Weights,
} from "../models/preprocessing/resampling.ts";

/** 8-bit pixels, channels last, row by row. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array;
}

export interface ResampleOptions {
  /** By default bilinear. */
  readonly interpolation?: Interpolation;
  /**
   * By default true: a smaller picture is made of all pixels, as Pillow does, and torchvision of pictures. Without it only
   * the pixels nearest to each point count, as torchvision of tensors and OpenCV do.
   */
  readonly antialias?: boolean;
}

/**
 * A picture at another size. With antialias, and for nearest, the bytes are those of Pillow's resize (13): one axis is rounded
 * to bytes before the other, with weights of 22 bits. Without it they are those of torch's interpolate (align_corners false),
 * rounded once.
 */
export function resample(
  picture: Picture,
  width: number,
  height: number,
  { interpolation = "bilinear", antialias = true }: ResampleOptions = {},
): Picture {
  if (picture.width === width && picture.height === height) return picture;
  if (interpolation === "nearest") return nearest(picture, width, height);
  return antialias
    ? inTwoPasses(picture, width, height, FILTERS[interpolation])
    : inOnePass(picture, width, height, POINTWISE[interpolation]);
}

function nearest({ data, channels, width: w, height: h }: Picture, width: number, height: number): Picture {
  const [columns, rows] = [places(w, width), places(h, height)];
  const out = new Uint8Array(width * height * channels);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < channels; c++, i++) out[i] = data[(rows[y]! * w + columns[x]!) * channels + c]!;
  return { width, height, channels, data: out };
}

function inTwoPasses(picture: Picture, width: number, height: number, filter: Filter): Picture {
  const { channels } = picture;
  const fixed = (size: number, wanted: number): Weights => fixedWeights(size, wanted, filter);
  const across = ({ data, height: lines, width: own }: Picture): Picture => ({
    width,
    height: lines,
    channels,
    data: own === width ? data : pass(data, lines, own * channels, channels, width, channels, fixed(own, width)),
  });
  const down = ({ data, width: lines, height: own }: Picture): Picture => ({
    width: lines,
    height,
    channels,
    data: own === height ? data : pass(data, lines, channels, lines * channels, height, channels, fixed(own, height)),
  });
  return isHeightFirst(picture, { width, height }) ? across(down(picture)) : down(across(picture));
}

/** One axis: lines lie `lineStep` apart in the data, and their elements `step`. */
function pass(
  data: Uint8Array,
  lines: number,
  lineStep: number,
  step: number,
  wanted: number,
  channels: number,
  { from, values }: Weights,
): Uint8Array {
  const isRows = step === channels;
  const out = new Uint8Array(lines * wanted * channels);
  for (let line = 0; line < lines; line++)
    for (let k = 0; k < wanted; k++) {
      const weights = values[k]!;
      for (let c = 0; c < channels; c++) {
        let sum = 2 ** (BITS - 1);
        let at = line * lineStep + from[k]! * step + c;
        for (let i = 0; i < weights.length; i++, at += step) sum += data[at]! * weights[i]!;
        const v = Math.floor(sum / 2 ** BITS);
        out[(isRows ? line * wanted + k : k * lines + line) * channels + c] = v < 0 ? 0 : v > 255 ? 255 : v;
      }
    }
  return out;
}

function inOnePass(
  { data, channels, width: w, height: h }: Picture,
  width: number,
  height: number,
  filter: Filter,
): Picture {
  const [columns, rows] = [pointWeights(w, width, filter), pointWeights(h, height, filter)];
  const out = new Uint8Array(width * height * channels);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < channels; c++, i++) {
        let sum = 0;
        for (const [j, down] of rows.values[y]!.entries()) {
          let row = 0;
          for (const [k, across] of columns.values[x]!.entries())
            row += across * data[((rows.from[y]! + j) * w + columns.from[x]! + k) * channels + c]!;
          sum += down * row;
        }
        out[i] = Math.min(255, Math.max(0, halfToEven(sum)));
      }
  return { width, height, channels, data: out };
}

/** The middle of a picture, by torchvision's center_crop or that of transformers: black where the picture is smaller. */
export function centerCrop(
  { data, channels, width: w, height: h }: Picture,
  width: number,
  height: number,
  rounding?: CropRounding,
): Picture {
  const [fromX, fromY] = [cropStart(w, width, rounding), cropStart(h, height, rounding)];
  const out = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [sx, sy] = [x + fromX, y + fromY];
      if (sx < 0 || sy < 0 || sx >= w || sy >= h) continue;
      for (let c = 0; c < channels; c++) out[(y * width + x) * channels + c] = data[(sy * w + sx) * channels + c]!;
    }
  return { width, height, channels, data: out };
}
