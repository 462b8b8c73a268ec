import type { Interpolation } from "../models/preprocessing/preprocessing.ts";

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

/** Bits behind the point of Pillow's weights: 32 less 8 for the pixel and 2 for sums beyond 1. */
const BITS = 22;

const cubic = (a: number) => (distance: number) => {
  const x = Math.abs(distance);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
};
const sinc = (x: number) => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));
const linear = (x: number) => Math.max(0, 1 - Math.abs(x));
const lanczos = (x: number) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0);

interface Filter {
  readonly support: number;
  readonly at: (x: number) => number;
}
const FILTERS: Readonly<Record<Exclude<Interpolation, "nearest">, Filter>> = {
  bilinear: { support: 1, at: linear },
  bicubic: { support: 2, at: cubic(-0.5) },
  lanczos: { support: 3, at: lanczos },
};
/** Those of torch.nn.functional.interpolate, which differ for bicubic. */
const POINTWISE: typeof FILTERS = { ...FILTERS, bicubic: { support: 2, at: cubic(-0.75) } };

/** For each place of a smaller or larger row: the first pixel that counts, and the weights from there on. */
interface Weights {
  readonly from: Int32Array;
  readonly values: readonly Float64Array[];
}

/** As Pillow: the filter is as wide as what a place covers, cut at the edges, and its weights sum to 1. */
function coveringWeights(size: number, wanted: number, { support, at }: Filter): Weights {
  const scale = size / wanted;
  const wide = Math.max(1, scale);
  const reach = support * wide;
  const from = new Int32Array(wanted);
  const values = Array.from({ length: wanted }, (_, k) => {
    const center = (k + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - reach + 0.5));
    const last = Math.min(size, Math.trunc(center + reach + 0.5));
    from[k] = first;
    const inverse = 1 / wide;
    const weights = Float64Array.from({ length: last - first }, (_, i) => at((i + first - center + 0.5) * inverse));
    const sum = weights.reduce((a, b) => a + b, 0);
    return sum === 0 ? weights : weights.map((w) => w / sum);
  });
  return { from, values };
}

/** As torch: the pixels around a point, those at the edge repeated beyond it. */
function pointWeights(size: number, wanted: number, { support, at }: Filter): Weights {
  const scale = size / wanted;
  const from = new Int32Array(wanted);
  const values = Array.from({ length: wanted }, (_, k) => {
    const center = (k + 0.5) * scale - 0.5;
    const first = Math.floor(center) - support + 1;
    const inside = (i: number) => Math.min(size - 1, Math.max(0, i));
    from[k] = inside(first);
    const weights = new Float64Array(inside(first + 2 * support - 1) - from[k]! + 1);
    for (let i = first; i < first + 2 * support; i++) weights[inside(i) - from[k]!]! += at(i - center);
    return weights;
  });
  return { from, values };
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

/** Sums of steps, as Pillow's: products would round otherwise. */
function places(size: number, wanted: number): Int32Array {
  const step = size / wanted;
  const found = new Int32Array(wanted);
  for (let k = 0, at = step * 0.5; k < wanted; k++, at += step) found[k] = Math.min(size - 1, Math.trunc(at));
  return found;
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
  const fixed = (size: number, wanted: number): Weights => {
    const { from, values } = coveringWeights(size, wanted, filter);
    return { from, values: values.map((list) => list.map((w) => Math.trunc(w * 2 ** BITS + (w < 0 ? -0.5 : 0.5)))) };
  };
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
  // Since version 13; before, rows always came first, and single bytes differ by one.
  const [less, narrower] = [picture.height - height, picture.width - width];
  return less > 0 && less > 2 * narrower ? across(down(picture)) : down(across(picture));
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

/** Rounded as torch and Python round. */
export function halfToEven(v: number): number {
  const down = Math.floor(v);
  const rest = v - down;
  return rest < 0.5 || (rest === 0.5 && down % 2 === 0) ? down : down + 1;
}

/** The middle of a picture, by torchvision's center_crop: black where the picture is smaller. */
export function centerCrop({ data, channels, width: w, height: h }: Picture, width: number, height: number): Picture {
  // A smaller picture is first laid on black, one pixel more to the right and below where the difference is odd.
  const [left, top] = [Math.max(0, Math.floor((width - w) / 2)), Math.max(0, Math.floor((height - h) / 2))];
  const fromX = halfToEven((Math.max(w, width) - width) / 2) - left;
  const fromY = halfToEven((Math.max(h, height) - height) / 2) - top;
  const out = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [sx, sy] = [x + fromX, y + fromY];
      if (sx < 0 || sy < 0 || sx >= w || sy >= h) continue;
      for (let c = 0; c < channels; c++) out[(y * width + x) * channels + c] = data[(sy * w + sx) * channels + c]!;
    }
  return { width, height, channels, data: out };
}

/** The size that torchvision's Resize gives a picture: both sides, or the shorter one by its number. */
export function resizedTo(
  { width, height }: Pick<Picture, "width" | "height">,
  size: number | readonly [number, number],
): readonly [width: number, height: number] {
  if (typeof size !== "number") return [size[1], size[0]];
  const long = Math.trunc((size * Math.max(width, height)) / Math.min(width, height));
  return width <= height ? [size, long] : [long, size];
}
