import type { Dirent } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, extname, join, resolve, sep } from "node:path";
import { type Batch, type BatchOptions, batchRanges, type Dataset } from "../dataset.ts";
import { checkSignal, messageOf, PerturbError } from "../errors.ts";
import { interleave, layoutOf } from "../layout.ts";
import type { PictureSteps } from "../models/preprocessing/preprocessing.ts";
import { product } from "../tensor.ts";
import { decodeImage, type ImageShape, readImageShape } from "./decode-image.node.ts";
import { preparedImage, preparedShape, stepsNote } from "./picture-steps.node.ts";
import { toPixels } from "./pixels.ts";

export interface ImageFolderOptions {
  /** [channels, height, width] or [height, width, channels] with 1 (grey) or 3 (RGB) channels; by default that of the first image. */
  readonly shape?: readonly number[] | undefined;
  /** Stretch images of another size (Lanczos-3); otherwise they are an error. */
  readonly resize?: boolean | undefined;
  /** How images become what the model takes, where they are not of its size. */
  readonly steps?: PictureSteps | undefined;
  /** By default the name of the folder. */
  readonly name?: string | undefined;
}

/** What counts as an image by its name; formats among them that cannot be decoded are an error, not left out. */
const EXTENSIONS = new Set([".png", ".jpg", ".jpeg", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".ppm", ".pgm"]);

/** Images decoded at a time: enough for every thread of the decoder, few enough to bound what is held uncropped. */
const CONCURRENCY = 8;

/**
 * A folder with one sub-folder a class, in the order of torchvision's ImageFolder: classes, sub-folders and files by
 * code unit. Hidden entries and files without an image's extension are left out. Memory: the paths, and one batch.
 * @throws not-found; invalid-file for a class without images or a broken image; unsafe-file for a link that leaves the
 * folder; mismatch for an image of another size; usage for a shape that no image has
 */
export async function openImageFolder(folder: string, options: ImageFolderOptions = {}): Promise<Dataset> {
  const root = await realpath(folder).catch((cause: unknown) => {
    throw new PerturbError("not-found", `${folder} cannot be opened: ${messageOf(cause)}.`, {
      cause,
      data: { folder },
    });
  });
  const classNames = (await list(root, root)).folders;
  if (classNames.length === 0)
    throw new PerturbError("not-found", `${folder} has no sub-folders; an image folder has one for each class.`, {
      data: { folder },
    });
  const classes = await Promise.all(classNames.map((name) => imagesIn(join(root, name), root)));
  const samples = classes.flatMap((paths, label) => paths.map((path) => ({ path, label })));
  const { shape, planes } = await shapesOf(options.shape, samples[0]!.path, options.steps);
  const batches = async function* (batchOptions: BatchOptions): AsyncGenerator<Batch> {
    for (const [start, end] of batchRanges(samples.length, batchOptions)) {
      const rows = samples.slice(start, end);
      const paths = rows.map((sample) => sample.path);
      const data = await decodeAll(paths, planes, options, batchOptions.signal);
      yield {
        indices: Int32Array.from(rows, (_, i) => start + i),
        x: {
          type: "float32",
          dims: [rows.length, ...shape],
          data: shape === planes ? data : pixelByPixel(data, planes),
        },
        labels: Int32Array.from(rows, (sample) => sample.label),
      };
    }
  };
  const name = options.name ?? basename(resolve(folder));
  return {
    name,
    size: samples.length,
    shape,
    classes: classNames.length,
    classNames,
    pixels: "picture",
    ...(options.steps && { notes: [stepsNote(name, options.steps)] }),
    batches,
  };
}

/** The shape that samples have, and that in which images are decoded: the same where channels come first. */
async function shapesOf(
  given: readonly number[] | undefined,
  path: string,
  steps: PictureSteps | undefined,
): Promise<{ readonly shape: readonly number[]; readonly planes: ImageShape }> {
  if (given && layoutOf(given) === "channels-last")
    return { shape: given, planes: requireImageShape([given[2]!, given[0]!, given[1]!]) };
  const own = async () => {
    const natural = await readImageShape(path);
    return steps ? preparedShape(path, natural[0] === 1 ? 1 : 3, steps) : natural;
  };
  const planes = given ? requireImageShape(given) : await own();
  return { shape: planes, planes };
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
    const images = await Promise.all(
      paths
        .slice(from, from + CONCURRENCY)
        .map((path) => (steps ? preparedImage(path, shape, steps) : decodeImage(path, shape, resize))),
    );
    for (const [i, image] of images.entries()) data.set(toPixels(image), (from + i) * size);
  }
  return data;
}

/** The images below a class's folder, nested ones too: folders by path, then files by name. @throws invalid-file when none */
async function imagesIn(folder: string, root: string): Promise<string[]> {
  const found: { readonly folder: string; readonly files: readonly string[] }[] = [];
  const pending = [folder];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { folders, files } = await list(next, root);
    found.push({ folder: next, files: files.filter(isImage) });
    for (const name of folders) pending.push(join(next, name));
  }
  found.sort((a, b) => (a.folder < b.folder ? -1 : 1));
  const images = found.flatMap((entry) => entry.files.map((file) => join(entry.folder, file)));
  if (images.length > 0) return images;
  throw new PerturbError(
    "invalid-file",
    `The class folder ${folder} has no images (${[...EXTENSIONS].join(", ")}). Remove it or fill it.`,
    { data: { folder } },
  );
}

const isImage = (name: string): boolean => EXTENSIONS.has(extname(name).toLowerCase());

/** Names of what is visible in a folder, by code unit. Links count when they lead to a file inside `root`. */
async function list(folder: string, root: string): Promise<{ folders: string[]; files: string[] }> {
  const entries = (await readdir(folder, { withFileTypes: true })).filter((entry) => !entry.name.startsWith("."));
  const names = (kept: readonly Dirent[]) => kept.map((entry) => entry.name).sort();
  for (const entry of entries) if (entry.isSymbolicLink()) await checkLink(join(folder, entry.name), root);
  return {
    folders: names(entries.filter((entry) => entry.isDirectory())),
    files: names(entries.filter((entry) => entry.isFile() || entry.isSymbolicLink())),
  };
}

async function checkLink(path: string, root: string): Promise<void> {
  const target = await realpath(path).catch(() => undefined);
  const inside = target?.startsWith(root + sep) && (await stat(target)).isFile();
  if (!inside)
    throw new PerturbError(
      "unsafe-file",
      `${path} is a link that leads to no file inside ${root}. Replace it by a copy.`,
      {
        data: { path, target },
      },
    );
}
