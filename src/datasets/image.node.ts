import { extname } from "node:path";
import { PerturbError } from "../errors.ts";
import { interleave } from "../layout.ts";
import type { Bounds } from "../model.ts";
import type { PictureSteps } from "../models/preprocessing/preprocessing.ts";
import { option } from "../option.ts";
import { type FloatTensor, product, type Tensor, tensor } from "../tensor.ts";
import { VALUES } from "./array-values.ts";
import { decodeImage, type ImageShape, readImageShape } from "./decode-image.node.ts";
import { fileSource } from "./files.node.ts";
import { requireImageShape } from "./image-folder.node.ts";
import { readNpy } from "./npy.ts";
import { preparedImage, preparedShape } from "./picture-steps.node.ts";
import { toPixels } from "./pixels.ts";

/** One sample as a batch [1, ...shape]. */
export interface OneImage {
  readonly x: FloatTensor;
  /** [height, width] in the file, where the picture was stretched to the shape. */
  readonly stretchedFrom: readonly [number, number] | null;
}

/** The shape of a sample as far as a model says it: null for a size that it leaves open, null alone for all of them. */
export type OpenShape = readonly (number | null)[] | null;

/**
 * One image, as pixels in [0, 1], in the shape that a model takes: [C, H, W] or [H, W, C] with 1 (grey) or 3 (RGB)
 * channels, [H, W], or the features [H · W] of a square grey image. An image of another size is stretched; sizes that the
 * shape leaves open are the image's own. A .npy file holds one sample, or a batch of one: uint8 are divided by 255. Pixels
 * are spread over the bounds where these are others.
 * @throws not-found, invalid-file, unsafe-file, unsupported; mismatch for a shape that an image, or this array, cannot
 * take; out-of-bounds for numbers that are no pixels
 */
export async function readImage(
  path: string,
  shape: OpenShape,
  { range: { lower, upper } = UNIT_RANGE, steps }: ImageOptions = {},
): Promise<OneImage> {
  if (extname(path).toLowerCase() === ".npy")
    return { x: await readSample(path, shape, { lower, upper }), stretchedFrom: null };
  // For a file that is not there: the decoder would say that it is no image.
  await fileSource(path);
  const natural = await readImageShape(path);
  const own = steps ? await preparedShape(path, natural[0] === 1 ? 1 : 3, steps) : natural;
  const { planes, dims, channelsLast } = layoutFor(path, shape, own);
  const pixels = spread(
    toPixels(
      await (steps
        ? preparedImage(path, requireImageShape(planes), steps)
        : decodeImage(path, requireImageShape(planes), true)),
    ),
    { lower, upper },
  );
  const stretched = own[1] !== planes[1] || own[2] !== planes[2];
  return {
    x: tensor("float32", [1, ...dims], channelsLast ? pixelByPixel(pixels, planes) : pixels),
    stretchedFrom: stretched ? [own[1], own[2]] : null,
  };
}

export interface ImageOptions {
  /** What values lie between, by default [0, 1]; 8-bit pixels are spread over it. */
  readonly range?: Bounds | undefined;
  /** How it becomes what the model takes; by default it is stretched. */
  readonly steps?: PictureSteps | undefined;
}

const UNIT_RANGE = { lower: 0, upper: 1 };

const spread = (pixels: Float32Array, { lower, upper }: Bounds): Float32Array =>
  lower === 0 && upper === 1 ? pixels : pixels.map((v) => lower + v * (upper - lower));

interface Layout {
  /** In which the image is decoded. */
  readonly planes: ImageShape;
  readonly dims: readonly number[];
  readonly channelsLast: boolean;
}

function layoutFor(path: string, shape: OpenShape, [channels, height, width]: ImageShape): Layout {
  if (shape === null)
    return { planes: [channels, height, width], dims: [channels, height, width], channelsLast: false };
  const isChannels = (size: number | null | undefined) => size === 1 || size === 3;
  const [a, b, c] = shape;
  // Where both ends can be the channels, what the image itself fits.
  const isLast = isChannels(a) && isChannels(c) && a === height && b === width && c !== width;
  if (shape.length === 3 && !isLast && (isChannels(a) || (a === null && !isChannels(c)))) {
    const planes: ImageShape = [a ?? channels, b ?? height, c ?? width];
    return { planes, dims: planes, channelsLast: false };
  }
  if (shape.length === 3 && isChannels(c)) {
    const planes: ImageShape = [c!, a ?? height, b ?? width];
    return { planes, dims: [planes[1], planes[2], planes[0]], channelsLast: true };
  }
  if (shape.length === 2) {
    const planes: ImageShape = [1, a ?? height, b ?? width];
    return { planes, dims: planes.slice(1), channelsLast: false };
  }
  const side = Math.sqrt(shape.length === 1 ? (a ?? height * width) : Number.NaN);
  if (Number.isInteger(side)) return { planes: [1, side, side], dims: [side * side], channelsLast: false };
  throw new PerturbError(
    "mismatch",
    `${path} cannot take the shape [${describe(shape)}] that the model wants: an image is [1, H, W], [3, H, W], [H, W, 1], [H, W, 3] or [H, W]. Give the sample as a .npy file.`,
    { data: { path, shape } },
  );
}

async function readSample(path: string, shape: OpenShape, range: Bounds): Promise<FloatTensor> {
  const file = await fileSource(path);
  const array = readNpy(await file.read(0, file.size), file.name);
  const decode = VALUES[array.type];
  const dims = sampleDims(array, shape);
  if (decode && dims) {
    const values = decode(array.data, path);
    const inUnits = array.type === "uint8" ? spread(values, range) : requireWithin(values, path, range);
    return tensor("float32", [1, ...dims], inUnits);
  }
  throw new PerturbError(
    "mismatch",
    `${path} holds ${array.type} of shape [${array.dims.join(", ")}], and one sample of ${shape ? `shape [${describe(shape)}]` : "the model's shape"} is needed, as ${Object.keys(VALUES).join(", ")}.`,
    { data: { path, type: array.type, got: array.dims, expected: shape } },
  );
}

function requireWithin(values: Float32Array, path: string, { lower, upper }: Bounds): Float32Array {
  const wrong = values.find((v) => !(v >= lower && v <= upper));
  if (wrong === undefined) return values;
  throw new PerturbError(
    "out-of-bounds",
    `${path} holds the value ${wrong}, outside [${lower}, ${upper}]. Give pixels from 0 to 1, and leave normalization to ${option("normalization.mean")} and ${option("normalization.std")}; for values that are no pixels, give their bounds (${option("bounds")}).`,
    { data: { path, value: wrong } },
  );
}

/** The dims of the one sample in an array, or undefined where it does not fit the shape. */
function sampleDims({ dims }: Tensor, shape: OpenShape): readonly number[] | undefined {
  if (product(dims) === 0) return undefined;
  const candidates = dims[0] === 1 ? [dims, dims.slice(1)] : [dims];
  return candidates.find((d) => (shape ? fits(d, shape) : d.length === 3));
}

const fits = (dims: readonly number[], shape: readonly (number | null)[]): boolean =>
  dims.length === shape.length && shape.every((size, axis) => size === null || size === dims[axis]);

const describe = (shape: readonly (number | null)[]): string => shape.map((size) => size ?? "?").join(", ");

/** [C, H, W] to [H, W, C]. */
function pixelByPixel(pixels: Float32Array, [channels, height, width]: ImageShape): Float32Array {
  const out = new Float32Array(pixels.length);
  interleave(pixels, out, channels, height * width);
  return out;
}
