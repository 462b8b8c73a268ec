import { type ByteSource, bytesSource, type Dataset } from "../dataset.ts";
import { epsilonText } from "../epsilons.ts";
import { PerturbError } from "../errors.ts";
import {
  ARRAY_OF,
  bytesPerElement,
  type ElementType,
  product,
  type Tensor,
  type TensorArrays,
  tensor,
  toFloat32,
} from "../tensor.ts";
import { type ArrayLabels, labelSetsFromTensor, labelsFromTensor } from "./label-arrays.ts";
import { ofSets } from "./label-sets.ts";
import { checkCount, checkLabels } from "./labels.ts";
import { checkNpySize, decodeElements, readNpy } from "./npy.ts";
import { LONGEST_NPY_HEADER, parseNpyHeader } from "./npy-header.ts";
import { openNpzEntries } from "./npz.ts";
import { imageShape, toPixels } from "./pixels.ts";
import { plainReader } from "./reader.ts";
import { recordDataset, requireSamples } from "./records.ts";

export interface ArraySetOptions {
  readonly name: string;
  /** By default as many as `classNames`, else the columns of one-hot labels, else the largest label + 1. */
  readonly classes?: number | undefined;
  readonly classNames?: readonly string[] | undefined;
  /** Whether a sample may have several labels: a matrix [N, labels] of 0 and 1 then holds them. */
  readonly multiLabel?: boolean | undefined;
}

export interface NpyOptions extends ArraySetOptions {
  /** .npy of [N, C, H, W], [N, H, W] (grey) or [N, features]: floats as they are, or uint8 / 255. */
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
export async function openNpz({ source, split = "test", labels, ...common }: NpzOptions): Promise<Dataset> {
  const arrays = openNpzEntries(await source.read(0, source.size), source.name);
  const examples = labels ? null : adversarialIn(arrays, source.name);
  if (examples) {
    const { images, classes, assumption } = examples;
    const dataset = arrayDataset(common, images, `${source.name}/x_adv`, classes, `${source.name}/label`);
    return { ...dataset, assumptions: [assumption, ...(dataset.assumptions ?? [])] };
  }
  const [x, images] = pick(arrays, [`x_${split}`, "x", "images"], source.name);
  if (labels) return arrayDataset(common, images(), `${source.name}/${x}`, await readNpySource(labels), labels.name);
  const [y, values] = pick(arrays, [`y_${split}`, "y", "labels", "label"], source.name);
  return arrayDataset(common, images(), `${source.name}/${x}`, values(), `${source.name}/${y}`);
}

/**
 * What `perturb attack` wrote: the adversarial examples at the largest ε, with the labels of the samples that they were made from.
 * Null for other arrays. @throws mismatch
 */
function adversarialIn(arrays: ReadonlyMap<string, () => Tensor>, file: string) {
  const [x, y, budgets] = ["x_adv", "label", "epsilon"].map((name) => arrays.get(name)?.());
  if (!x || !y || !budgets) return null;
  const epsilons = Array.from(budgets.data, Number);
  if (x.dims[0] !== epsilons.length || y.dims[0] !== epsilons.length)
    throw new PerturbError(
      "mismatch",
      `${file} holds x_adv, label and epsilon of ${x.dims[0]}, ${y.dims[0]} and ${epsilons.length} rows. Write it again with \`perturb attack\`.`,
      { data: { file } },
    );
  const all = [...new Set(epsilons)].sort((a, b) => a - b);
  const chosen = all.at(-1)!;
  const rows = [...epsilons.keys()].filter((i) => epsilons[i] === chosen);
  const others = all.length > 1 ? ` of ${all.map(epsilonText).join(", ")}` : "";
  const how = "Samples that were not fooled, or not attacked, are among them.";
  return {
    images: rowsOf(x, rows),
    classes: rowsOf(y, rows),
    assumption: `${file} holds what perturb attack made. Its adversarial examples (x_adv) at ε = ${epsilonText(chosen)}${others} were taken, with the labels of the samples that they were made from. ${how}`,
  };
}

/** Some rows of an array. */
function rowsOf(t: Tensor, rows: readonly number[]): Tensor {
  const size = product(t.dims.slice(1));
  const data = new ARRAY_OF[t.type](rows.length * size);
  for (const [k, i] of rows.entries()) data.set(t.data.subarray(i * size, (i + 1) * size) as never, k * size);
  return tensor(t.type, [rows.length, ...t.dims.slice(1)], data as never);
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
  const pixels = PIXELS[type];
  if (!pixels || dims.length < 2)
    throw new PerturbError(
      "unsupported",
      `${source.name} holds ${type} of shape [${dims}]; images are ${Object.keys(PIXELS).join(", ")} of [N, C, H, W], [N, H, W] or [N, features].`,
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
    decode: (bytes) => pixels(decodeElements(bytes, images)),
  });
  if (labelSets) return ofSets(set, labelSets);
  return assumption === undefined ? set : { ...set, assumptions: [assumption] };
}

/** Elements to pixels: bytes are scaled, floats are taken as they are. */
export const PIXELS: Partial<Record<ElementType, (data: TensorArrays[ElementType]) => Float32Array>> = {
  uint8: (data) => toPixels(data as Uint8Array),
  float32: (data) => data as Float32Array,
  float64: (data) => new Float32Array(data as Float64Array),
  float16: (data) => toFloat32({ type: "float16", dims: [data.length], data: data as Uint16Array }).data,
};
