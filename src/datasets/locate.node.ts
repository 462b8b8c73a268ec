import { readdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { type ByteSource, type Dataset, withShape } from "../dataset.ts";
import { didYouMean, PerturbError } from "../errors.ts";
import { type Preprocessing, pictureSteps } from "../models/preprocessing/preprocessing.ts";
import { option } from "../option.ts";
import { isZip } from "../zip.ts";
import { openNpy, openNpz } from "./arrays.ts";
import { readClassList } from "./class-list.node.ts";
import { fileSource, folderOpen, statOf } from "./files.node.ts";
import { openIdx } from "./idx.ts";
import { openImageFolder } from "./image-folder.node.ts";
import { datasets } from "./index.ts";
import { openInstalled } from "./installed.node.ts";
import type { Split } from "./known.ts";
import { isNpy } from "./npy-header.ts";
import type { OwnSize } from "./own-size.node.ts";
import { areBudgets, chosenBudget, withOrigin } from "./written-pictures.node.ts";

export interface LocateOptions {
  /** By default `test`. */
  readonly split?: Split | undefined;
  /** The file of the labels, where the images' file does not hold them: .npy, or IDX. */
  readonly labels?: string | undefined;
  /** Whether a sample may have several labels: a matrix [N, labels] of 0 and 1 then holds them, in .npy or .npz. */
  readonly multiLabel?: boolean | undefined;
  /** Labels must be below this; it is the number of classes where the files do not tell it. */
  readonly classes?: number | undefined;
  /** Shape of one sample, for images to decode and for data saved flat. */
  readonly shape?: readonly number[] | undefined;
  /** Stretch the images of a folder to `shape`; otherwise another size is an error. */
  readonly resize?: boolean | undefined;
  /** How the images of a folder become what the model takes: resize and crop are followed; the rest belongs to the model. */
  readonly preprocessing?: Preprocessing | undefined;
  /**
   * The pictures are what is perturbed: they keep their own size, whatever `shape` says, and `preprocessing` belongs to the model.
   */
  readonly ownSize?: OwnSize | undefined;
  /** A file that says which class of the model each class folder is: see `parseClassList`. */
  readonly classFile?: string | undefined;
  /** Of what `perturb attack` wrote at several ε, .npz or pictures: the examples at this one. By default the largest of a .npz. */
  readonly dataEpsilon?: number | undefined;
}

/**
 * A data set by its known name, or by the path of
 * - a folder with IDX files named as MNIST's (t10k-images-idx3-ubyte …, plain or .gz);
 * - a folder of images with a sub-folder for each class, perhaps inside `test` and `train`;
 * - an IDX or .npy file of images, its labels in `labels` or in the file of the same name with "labels" for "images";
 * - a .npz file. What a file holds is told by its first bytes.
 * @throws not-found, usage, mismatch, and whatever the format's reader throws
 */
export async function openDataset(nameOrPath: string, options: LocateOptions = {}): Promise<Dataset> {
  const dataset = Object.hasOwn(datasets, nameOrPath)
    ? await openNamed(nameOrPath as keyof typeof datasets, options)
    : await openPath(nameOrPath, options);
  if (options.multiLabel && !dataset.labelSets)
    throw new PerturbError(
      "usage",
      `${nameOrPath} has one class for each sample, and ${option("head", "multi-label")} is for a matrix of labels: .npy or .npz, [N, labels] of 0 and 1. Leave it out.`,
      { data: { dataset: nameOrPath } },
    );
  if (options.classFile !== undefined && !dataset.classFolders)
    throw new PerturbError(
      "usage",
      `${nameOrPath} has no class folders, which ${option("classFile", options.classFile)} would name. Leave it out.`,
      { data: { dataset: nameOrPath, classFile: options.classFile } },
    );
  if (options.dataEpsilon !== undefined && !dataset.adversarial)
    throw new PerturbError(
      "usage",
      `${nameOrPath} is not what \`perturb attack\` wrote, and ${option("dataEpsilon", options.dataEpsilon)} chooses among its ε. Leave it out.`,
      { data: { dataset: nameOrPath, epsilon: options.dataEpsilon } },
    );
  if (options.classes !== undefined && dataset.classes > options.classes)
    throw new PerturbError(
      "mismatch",
      `${nameOrPath} has ${dataset.classes} classes, more than the ${options.classes} asked for.`,
      { data: { dataset: nameOrPath, got: dataset.classes, allowed: options.classes } },
    );
  if (options.ownSize) return dataset;
  const told = unprepared(dataset, options);
  return options.shape === undefined ? told : withShape(told, options.shape);
}

/** Says that arrays are not resized. */
function unprepared(dataset: Dataset, { preprocessing }: LocateOptions): Dataset {
  const isPrepared = dataset.notes?.some(({ code }) => code === "prepared-pictures");
  if (isPrepared || !preprocessing || !pictureSteps(preprocessing)) return dataset;
  const message = `${dataset.name} holds arrays, which are taken as they are: only pictures in files are resized and cropped.`;
  return { ...dataset, notes: [...(dataset.notes ?? []), { code: "arrays-as-they-are", message }] };
}

function openNamed(name: keyof typeof datasets, options: LocateOptions): Promise<Dataset> {
  refuseLabels(name, options, "brings its own labels");
  return openInstalled(datasets[name], options.split ?? "test");
}

async function openPath(path: string, options: LocateOptions): Promise<Dataset> {
  const { isFolder } = await statOf(path).catch((cause: unknown) => {
    throw new PerturbError(
      "not-found",
      `${path} is neither a known data set (${Object.keys(datasets).join(", ")}) nor a file or folder.${didYouMean(path, Object.keys(datasets))}`,
      { cause, data: { path, known: Object.keys(datasets) } },
    );
  });
  return isFolder ? openFolder(path, options) : openFile(path, options);
}

async function openFolder(folder: string, options: LocateOptions): Promise<Dataset> {
  refuseLabels(folder, options, "is a folder, and the class of an image is the sub-folder that it lies in");
  const split = options.split ?? "test";
  const entries = await readdir(folder, { withFileTypes: true });
  const [images, labels] = idxNames(split).map((names) => entries.find((entry) => names.has(entry.name))?.name);
  if (images !== undefined && labels !== undefined) {
    const open = folderOpen(folder);
    return openIdx({ ...naming(folder, options), images: await open(images), labels: await open(labels) });
  }
  const folders = entries.filter((entry) => !entry.name.startsWith(".") && !entry.isFile()).map(({ name }) => name);
  if (folders.length === 0)
    throw new PerturbError(
      "not-found",
      `${folder} holds neither the ${split} images and labels of an IDX set (${idxNames(split).map(first).join(", ")}) nor a sub-folder for each class.`,
      { data: { folder, split } },
    );
  if (areBudgets(folders)) return openFolder(await chosenBudget(folder, folders, options.dataEpsilon), options);
  // A model without [C, H, W] inputs sees the images in their own shape, folded at the end.
  const shape = options.shape?.length === 3 ? options.shape : undefined;
  const { ownSize } = options;
  const steps = options.preprocessing && !ownSize ? pictureSteps(options.preprocessing) : undefined;
  const classList = options.classFile === undefined ? undefined : await readClassList(options.classFile);
  const common = { name: folderName(folder), shape, resize: options.resize, steps, ownSize, classList };
  if (!folders.every((name) => SPLIT_FOLDERS.has(name)))
    return withOrigin(await openImageFolder(folder, common), folder, options.dataEpsilon);
  if (!folders.includes(split))
    throw new PerturbError(
      "not-found",
      `${folder} is divided into ${folders.join(", ")}; there is no ${split}. Pass one of them.`,
      {
        data: { folder, split, folders },
      },
    );
  return openImageFolder(join(folder, split), common);
}

/** Folders with these names only are parts of a set, not its classes. */
const SPLIT_FOLDERS = new Set(["train", "test", "val", "valid", "validation"]);

/** The names that MNIST's files go by: with a dot or a dash, plain or gzip. */
function idxNames(split: Split): readonly [Set<string>, Set<string>] {
  const prefix = split === "test" ? "t10k" : "train";
  const names = (stem: string) =>
    new Set(["-", "."].flatMap((s) => ["", ".gz"].map((gz) => `${prefix}-${stem.replace("*", s)}-ubyte${gz}`)));
  return [names("images*idx3"), names("labels*idx1")];
}

const first = (names: ReadonlySet<string>): string | undefined => names.values().next().value;

async function openFile(path: string, options: LocateOptions): Promise<Dataset> {
  const source = await fileSource(path);
  const named = naming(path, options);
  const head = await source.read(0, 6);
  if (isNpy(head)) return openNpy({ ...named, images: source, labels: await labelsBeside(path, options) });
  if (isZip(head)) {
    const labels = options.labels === undefined ? undefined : await fileSource(options.labels);
    return openNpz({ ...named, source, split: options.split, labels, dataEpsilon: options.dataEpsilon });
  }
  if (isIdxOrGzip(head)) return openIdx({ ...named, images: source, labels: await labelsBeside(path, options) });
  throw new PerturbError(
    "unsupported",
    `${path} is none of the formats that are read: IDX (plain or .gz), .npy, .npz, or a folder of images.`,
    {
      data: { path },
    },
  );
}

const isIdxOrGzip = (head: Uint8Array): boolean =>
  (head[0] === 0 && head[1] === 0) || (head[0] === 0x1f && head[1] === 0x8b);

/** The labels that were asked for, or those beside the images under the name with "labels" for "images". */
async function labelsBeside(path: string, { labels }: LocateOptions): Promise<ByteSource> {
  if (labels !== undefined) return fileSource(labels);
  const name = basename(path)
    .replace(/images/i, "labels")
    .replace("idx3", "idx1");
  const missing = (cause?: unknown) =>
    new PerturbError("usage", `The labels of ${path} are missing. Give their file (${option("labels")}).`, {
      cause,
      data: { path },
    });
  if (name === basename(path)) throw missing();
  return fileSource(join(dirname(path), name)).catch((cause: unknown) => {
    throw missing(cause);
  });
}

function refuseLabels(name: string, { labels }: LocateOptions, why: string): void {
  if (labels !== undefined)
    throw new PerturbError("usage", `${name} ${why}. Leave out ${option("labels", labels)}.`, { data: { labels } });
}

const folderName = (path: string): string => basename(resolve(path));

const naming = (path: string, { classes, multiLabel }: LocateOptions) => ({
  name: folderName(path),
  classes,
  multiLabel,
});
