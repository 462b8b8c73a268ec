import { realpath } from "node:fs/promises";
import { basename, relative, resolve } from "node:path";
import { type Batch, type BatchOptions, batchRanges, checkBatchSize, type Dataset } from "../dataset.ts";
import { checkSignal, messageOf, PerturbError } from "../errors.ts";
import { interleave, isAmbiguous, layoutOf } from "../layout.ts";
import type { PictureSteps } from "../models/preprocessing/preprocessing.ts";
import { product } from "../tensor.ts";
import { listClasses } from "./class-folders.node.ts";
import type { ClassList } from "./class-list.ts";
import { decodeImage, type ImageShape, readImageShape } from "./decode-image.node.ts";
import { largest, type OwnSize, ownShapes, sizesNote } from "./own-size.node.ts";
import { preparedImage, preparedShape, stepsNote } from "./picture-steps.node.ts";
import { toPixels } from "./pixels.ts";

export interface ImageFolderOptions {
  /** [channels, height, width] or [height, width, channels] with 1 (grey) or 3 (RGB) channels; by default that of the first image. */
  readonly shape?: readonly number[] | undefined;
  /** Stretch images of another size (Lanczos-3); otherwise they are an error. */
  readonly resize?: boolean | undefined;
  /** How images become what the model takes, where they are not of its size. */
  readonly steps?: PictureSteps | undefined;
  /** Pictures keep their own size, in place of `shape` and `steps`. */
  readonly ownSize?: OwnSize | undefined;
  /** By default the name of the folder. */
  readonly name?: string | undefined;
  /** Which class each sub-folder is; by default its number, where all are named by numbers, else its place in text order. */
  readonly classList?: ClassList | undefined;
}

/** Images decoded at a time: enough for every thread of the decoder, few enough to bound what is held uncropped. */
const CONCURRENCY = 8;

/**
 * A folder with one sub-folder for each class, in text order: classes, sub-folders and files by code unit. `listClasses` says which
 * class a sub-folder is. Memory: the paths, and one batch.
 * @throws not-found; invalid-file for a broken image; unsafe-file for a link that leaves the folder; mismatch for an image of
 * another size, and for a folder that `classList` does not name; usage for a shape that no image has
 */
export async function openImageFolder(folder: string, options: ImageFolderOptions = {}): Promise<Dataset> {
  const root = await realpath(folder).catch((cause: unknown) => {
    throw new PerturbError("not-found", `${folder} cannot be opened: ${messageOf(cause)}.`, {
      cause,
      data: { folder },
    });
  });
  const { samples, classNames, classFolders } = await listClasses(root, options.classList);
  const own =
    options.ownSize &&
    (await ownShapes(
      samples.map(({ path }) => path),
      options.ownSize,
    ));
  const ofAll = own && largest(own);
  const several = own?.some((shape) => shape !== ofAll) ? (place: number) => own[place]! : undefined;
  const { shape, planes } = ofAll
    ? { shape: ofAll, planes: ofAll }
    : await shapesOf(options.shape, samples[0]!.path, options.steps);
  const batches = async function* (batchOptions: BatchOptions): AsyncGenerator<Batch> {
    for (const [start, end] of batchRanges(samples.length, batchOptions, several)) {
      checkBatchSize(end - start, several?.(start) ?? shape);
      const rows = samples.slice(start, end);
      const paths = rows.map((sample) => sample.path);
      const data = await decodeAll(paths, several?.(start) ?? planes, options, batchOptions.signal);
      yield {
        indices: Int32Array.from(rows, (_, i) => start + i),
        x: {
          type: "float32",
          dims: [rows.length, ...(several?.(start) ?? shape)],
          data: shape === planes ? data : pixelByPixel(data, planes),
        },
        labels: Int32Array.from(rows, (sample) => sample.label),
      };
    }
  };
  const name = options.name ?? basename(resolve(folder));
  const notes = [options.steps && stepsNote(name, options.steps), own && sizesNote(name, own)].filter((n) => n != null);
  return {
    name,
    size: samples.length,
    shape,
    ...(several && { shapeOf: several }),
    classes: classNames.length,
    classNames,
    pixels: "picture",
    ...(options.steps && { prepared: options.steps }),
    ...(notes.length > 0 && { notes }),
    labels: Int32Array.from(samples, ({ label }) => label),
    classFolders,
    sourceOf: (index) => relative(root, samples[index]!.path),
    batches,
  };
}

/** The shape that samples have, and that in which images are decoded: the same where channels come first. */
async function shapesOf(
  given: readonly number[] | undefined,
  path: string,
  steps: PictureSteps | undefined,
): Promise<{ readonly shape: readonly number[]; readonly planes: ImageShape }> {
  const own = async () => {
    const natural = await readImageShape(path);
    return steps ? preparedShape(path, natural[0] === 1 ? 1 : 3, steps) : natural;
  };
  if (given && (isAmbiguous(given) ? isLast(given, await own()) : layoutOf(given) === "channels-last"))
    return { shape: given, planes: requireImageShape([given[2]!, given[0]!, given[1]!]) };
  const planes = given ? requireImageShape(given) : await own();
  return { shape: planes, planes };
}

/** Of a shape whose channels may stand at either end, whether a picture of this size fits it with its channels last alone. @throws usage where it fits both ways */
function isLast(given: readonly number[], [, height, width]: ImageShape): boolean {
  const first = given[1] === height && given[2] === width;
  const last = given[0] === height && given[1] === width;
  if (first && last)
    throw new PerturbError(
      "usage",
      `The model takes [${given.join(", ")}], which can be [channels, height, width] or [height, width, channels], and pictures of ${width} × ${height} pixels fit both. Give them as an array (.npz) in the order that the model takes: it is taken as it is.`,
      { data: { shape: given } },
    );
  return last;
}

/** Samples [C, H, W] as [H, W, C]. */
function pixelByPixel(data: Float32Array, [channels, height, width]: ImageShape): Float32Array {
  const out = new Float32Array(data.length);
  const size = channels * height * width;
  for (let at = 0; at < data.length; at += size)
    interleave(data.subarray(at, at + size), out.subarray(at, at + size), channels, height * width);
  return out;
}

/** @throws usage for a shape that no image has, or none of a size that is decoded */
export function requireImageShape(shape: readonly number[]): ImageShape {
  const [channels, height, width] = shape;
  const valid =
    shape.length === 3 && (channels === 1 || channels === 3) && product(shape) > 0 && product(shape) < 2 ** 28;
  if (!valid || !shape.every(Number.isInteger))
    throw new PerturbError(
      "usage",
      `Images cannot take the shape [${shape}]; it is [1, H, W] or [H, W, 1] (grey), or [3, H, W] or [H, W, 3] (RGB).`,
      {
        data: { shape },
      },
    );
  return [channels, height!, width!];
}

async function decodeAll(
  paths: readonly string[],
  shape: ImageShape,
  { resize = false, steps }: ImageFolderOptions,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const size = product(shape);
  const data = new Float32Array(paths.length * size);
  for (let from = 0; from < paths.length; from += CONCURRENCY) {
    checkSignal(signal);
    await Promise.all(
      paths.slice(from, from + CONCURRENCY).map(async (path, i) => {
        const image = await (steps ? preparedImage(path, shape, steps) : decodeImage(path, shape, resize));
        toPixels(image, data.subarray((from + i) * size, (from + i + 1) * size));
      }),
    );
  }
  return data;
}
