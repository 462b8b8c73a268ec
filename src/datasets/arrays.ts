import { type ByteSource, bytesSource, type Dataset } from "../dataset.ts";
import { PerturbError } from "../errors.ts";
import { bytesPerElement, type ElementType, product, type Tensor } from "../tensor.ts";
import { isWhole, VALUES, wholeNote } from "./array-values.ts";
import { type ArrayLabels, labelSetsFromTensor, labelsFromTensor } from "./label-arrays.ts";
import { ofSets } from "./label-sets.ts";
import { checkCount, checkLabels } from "./labels.ts";
import { checkNpySize, decodeElements, readNpy } from "./npy.ts";
import { LONGEST_NPY_HEADER, parseNpyHeader } from "./npy-header.ts";
import { openNpzEntries } from "./npz.ts";
import { imageShape } from "./pixels.ts";
import { plainReader } from "./reader.ts";
import { recordDataset, requireSamples } from "./records.ts";
import { examplesIn } from "./written-examples.ts";

export interface ArraySetOptions {
  readonly name: string;
  /** By default as many as `classNames`, else the columns of one-hot labels, else the largest label + 1. */
  readonly classes?: number | undefined;
  readonly classNames?: readonly string[] | undefined;
  /** Whether a sample may have several labels: a matrix [N, labels] of 0 and 1 then holds them. */
  readonly multiLabel?: boolean | undefined;
}

export interface NpyOptions extends ArraySetOptions {
  /** .npy of [N, C, H, W], [N, H, W] (grey) or [N, features]: uint8 / 255, and all other numbers as they are. */
  readonly images: ByteSource;
  /** .npy of whole numbers [N] or [N, 1], or one-hot [N, classes]. */
  readonly labels: ByteSource;
}

export interface NpzOptions extends ArraySetOptions {
  readonly source: ByteSource;
  /** Which arrays to take where the file holds both, by default `test`. */
  readonly split?: "test" | "train" | undefined;
  /** Labels in a .npy file of their own. */
  readonly labels?: ByteSource | undefined;
  /** Of what `perturb attack` wrote at several ε, the examples at this one, by default the largest. */
  readonly dataEpsilon?: number | undefined;
}

/**
 * Images and labels in two .npy files. Images are streamed: memory is the labels and one batch (a file in Fortran
 * order, where samples are interleaved, is read whole).
 * @throws invalid-file, unsafe-file, unsupported, mismatch
 */
export async function openNpy({ images, labels, ...common }: NpyOptions): Promise<Dataset> {
  const header = parseNpyHeader(await images.read(0, Math.min(LONGEST_NPY_HEADER, images.size)), images.name);
  checkNpySize(header, images.name, images.size);
  const labelTensor = await readNpySource(labels);
  if (header.fortran) return arrayDataset(common, await readNpySource(images), images.name, labelTensor, labels.name);
  return elementDataset(common, { ...header, source: images }, labelTensor, labels.name);
}

/**
 * Images `x`, `images`, or `x_test` (`x_train`), and labels `y`, `labels`, or `y_test` (`y_train`), in one .npz file,
 * read into memory; or what `perturb attack` wrote there.
 * @throws invalid-file, unsafe-file, unsupported, mismatch
 */
export async function openNpz({
  source,
  split = "test",
  labels,
  dataEpsilon,
  ...common
}: NpzOptions): Promise<Dataset> {
  const arrays = openNpzEntries(await source.read(0, source.size), source.name);
  const examples = labels ? null : examplesIn(arrays, source.name, dataEpsilon);
  if (examples) {
    const { images, classes, assumption } = examples;
    const dataset = arrayDataset(common, images, `${source.name}/x_adv`, classes, `${source.name}/label`);
    return { ...dataset, adversarial: true, assumptions: [assumption, ...(dataset.assumptions ?? [])] };
  }
  const [x, images] = pick(arrays, [`x_${split}`, "x", "images"], source.name);
  if (labels) return arrayDataset(common, images(), `${source.name}/${x}`, await readNpySource(labels), labels.name);
  const [y, values] = pick(arrays, [`y_${split}`, "y", "labels", "label"], source.name);
  return arrayDataset(common, images(), `${source.name}/${x}`, values(), `${source.name}/${y}`);
}

const readNpySource = async (source: ByteSource): Promise<Tensor> =>
  readNpy(await source.read(0, source.size), source.name);

function pick(arrays: ReadonlyMap<string, () => Tensor>, names: readonly string[], file: string) {
  for (const name of names) {
    const read = arrays.get(name);
    if (read) return [name, read] as const;
  }
  throw new PerturbError(
    "mismatch",
    `${file} holds none of the arrays ${names.join(", ")}; it holds ${[...arrays.keys()].join(", ") || "no array"}. Save them under these names: numpy.savez(file, x=…, y=…).`,
    { data: { file, wanted: names, got: [...arrays.keys()] } },
  );
}

/** A data set of arrays in memory. */
function arrayDataset(
  common: ArraySetOptions,
  images: Tensor,
  imagesFile: string,
  labels: Tensor,
  labelsFile: string,
): Dataset {
  const { buffer, byteOffset, byteLength } = images.data;
  const source = bytesSource(imagesFile, new Uint8Array(buffer, byteOffset, byteLength));
  return elementDataset(common, { ...images, source, dataOffset: 0, bigEndian: false }, labels, labelsFile);
}

interface Elements {
  readonly source: ByteSource;
  readonly type: ElementType;
  readonly bigEndian: boolean;
  readonly dims: readonly number[];
  readonly dataOffset: number;
}

function elementDataset(common: ArraySetOptions, images: Elements, labelTensor: Tensor, labelsFile: string): Dataset {
  const { source, type, dims, dataOffset } = images;
  const valuesOf = VALUES[type];
  if (!valuesOf || dims.length < 2)
    throw new PerturbError(
      "unsupported",
      `${source.name} holds ${type} of shape [${dims}]; samples are numbers (${Object.keys(VALUES).join(", ")}) of [N, C, H, W], [N, H, W] or [N, features].`,
      { data: { file: source.name, type, shape: dims } },
    );
  requireSamples(source.name, dims);
  const labelSets = common.multiLabel ? labelSetsFromTensor(labelTensor, labelsFile) : undefined;
  const { labels, columns, assumption }: ArrayLabels = labelSets
    ? { labels: new Int32Array(labelSets.dims[0]!), columns: 1 }
    : labelsFromTensor(labelTensor, labelsFile);
  checkCount(source.name, dims[0]!, labelsFile, labels.length);
  const classes = labelSets ? 1 : (common.classes ?? common.classNames?.length);
  const set = recordDataset({
    ...common,
    shape: imageShape(dims),
    labels,
    classes: checkLabels(labels, labelsFile, classes ?? columns),
    file: source.name,
    start: dataOffset,
    bytesPerSample: product(dims.slice(1)) * bytesPerElement(type),
    open: async () => plainReader(source),
    ...(type === "uint8" && { pixels: "array" as const }),
    decode: (bytes) => valuesOf(decodeElements(bytes, images), source.name),
  });
  const whole = isWhole(type) ? { ...set, whole: type, notes: [wholeNote(source.name, type)] } : set;
  if (labelSets) return ofSets(whole, labelSets);
  return assumption === undefined ? whole : { ...whole, assumptions: [assumption] };
}
