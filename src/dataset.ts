import { checkSignal, PerturbError } from "./errors.ts";
import { layoutOf, transposed } from "./layout.ts";
import type { PictureSteps } from "./models/preprocessing/preprocessing.ts";
import { type Note, option } from "./option.ts";
import { type FloatTensor, MOST_VALUES, product } from "./tensor.ts";

/** Random access to bytes that may be too many for memory: a file, a Blob, an array. */
export interface ByteSource {
  readonly name: string;
  readonly size: number;
  /** Bytes `start` up to (not including) `end`; fewer where the source ends. */
  read(start: number, end: number): Promise<Uint8Array>;
}

/** How bytes reach a data set: by the name of a file inside its folder or package. @throws not-found */
export type Open = (name: string) => Promise<ByteSource>;

export interface Batch {
  /** Index in the data set of each sample. */
  readonly indices: Int32Array;
  /** [n, channels, height, width] (or [n, features]), in [0, 1] for images. */
  readonly x: FloatTensor;
  readonly labels: Int32Array;
}

export interface BatchOptions {
  readonly batch: number;
  /** The first sample, by default 0. */
  readonly offset?: number;
  /** At most so many samples, by default all. */
  readonly limit?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Dataset {
  readonly name: string;
  readonly size: number;
  /** Shape of one sample; of samples of several shapes, that of the largest. */
  readonly shape: readonly number[];
  /** Of samples of several shapes: that of each, by its index in the set. A batch then holds samples of one. */
  readonly shapeOf?: (index: number) => readonly number[];
  /** Known number of classes; labels are 0 … classes - 1. */
  readonly classes: number;
  readonly classNames?: readonly string[];
  /** Samples are bytes divided by 255: those of pictures, or of an array, which may have meant other numbers. */
  readonly pixels?: "picture" | "array";
  /** The type of whole numbers that were taken as they are: what they range over, bounds must say. */
  readonly whole?: string;
  /** What was done to the pictures of its files. */
  readonly prepared?: PictureSteps;
  /** What was assumed or done on the way from its file, for whoever reads results. */
  readonly notes?: readonly Note[];
  /** The class of each sample, where they are known without the samples: a draw is then spread over the classes. */
  readonly labels?: ArrayLike<number>;
  /**
   * The labels of each sample, where it may have several: [size, labels] of 0 and 1, by its index in the set. The class of every
   * sample is then 0, which says nothing: only a model that was opened with these sets can be measured on them.
   */
  readonly labelSets?: FloatTensor;
  /** True of sets whose files mix the classes, such as MNIST's: their first samples are a fair part, and `limit` takes them. */
  readonly mixed?: boolean;
  /** True of adversarial examples out of a file: models are meant to be wrong on them. */
  readonly adversarial?: true;
  /** How folders became classes, where they did. */
  readonly classFolders?: ClassFolders;
  /** What was assumed on the way from the files to these samples: whoever measures says it. */
  readonly assumptions?: readonly string[];
  /** Of a part that was drawn from a set. */
  readonly drawn?: Drawn;
  /** The file that a sample comes from, by its index in the set. */
  sourceOf?(index: number): string;
  /** Samples in order. Memory is that of a batch, whatever the size. */
  batches(options: BatchOptions): AsyncIterable<Batch>;
}

/** The folders of a set that has one for each class. */
export interface ClassFolders {
  /** Whether their names are the numbers of the classes, a list says which is which, or classes are numbered in text order from 0. */
  readonly numbering: "names" | "list" | "order";
  /** By code unit, with the class of each and the number of its samples. */
  readonly folders: readonly { readonly name: string; readonly label: number; readonly samples: number }[];
}

/** A part of a set: its samples are numbered as in the set. */
export interface Drawn {
  /** The index in the set of each sample; rising, unless they are shuffled. */
  readonly indices: Int32Array;
  /** The number of samples of the set. */
  readonly of: number;
  readonly seed: number;
  /** Whether they come in random order, drawn from all alike. */
  readonly shuffled?: true;
}

/** A whole array as a source. */
export function bytesSource(name: string, bytes: Uint8Array): ByteSource {
  return { name, size: bytes.length, read: async (start, end) => bytes.subarray(start, end) };
}

/** The shape of the sample that stands at a place of a set, or of a part that was drawn from it. */
export const shapeAt = ({ shape, shapeOf, drawn }: Pick<Dataset, "shape" | "shapeOf" | "drawn">, place: number) =>
  shapeOf ? shapeOf(drawn?.indices[place] ?? place) : shape;

/**
 * The samples `offset` … `offset + limit` of a set of `size`, cut into batches: [start, end) pairs. A data set that goes through
 * them obeys all of `BatchOptions`. Where the set has several shapes, `shapes` gives that at a place, and each batch has one.
 * @throws usage for a batch below 1, or numbers that are negative or not whole; cancelled, before a batch, by the signal
 */
export function* batchRanges(
  size: number,
  { batch, offset = 0, limit = size, signal }: BatchOptions,
  shapes?: (place: number) => readonly number[],
): Generator<[number, number]> {
  requireInteger("batch", batch, 1);
  requireInteger("offset", offset, 0);
  requireInteger("limit", limit, 0);
  const end = Math.min(size, offset + limit);
  for (let start = offset; start < end; ) {
    checkSignal(signal);
    const next = batchEnd(start, Math.min(end, start + batch), shapes);
    yield [start, next];
    start = next;
  }
}

/** @throws usage, or unsupported for a single sample, where so many samples of this shape are too many values for one array */
export function checkBatchSize(samples: number, shape: readonly number[]): void {
  const values = samples * product(shape);
  if (values <= MOST_VALUES) return;
  throw new PerturbError(
    samples === 1 ? "unsupported" : "usage",
    `${samples} of the samples of shape [${shape}] are ${values} values, and one batch holds ${MOST_VALUES} at most. ${samples === 1 ? "Give smaller samples" : `Give a smaller batch (${option("batch")})`}.`,
    { data: { samples, shape, limit: MOST_VALUES } },
  );
}

/** Where the batch from `start` on ends, at most at `end`. */
export function batchEnd(start: number, end: number, shapes?: (place: number) => readonly number[]): number {
  if (!shapes) return end;
  const shape = String(shapes(start));
  let next = start + 1;
  while (next < end && String(shapes(next)) === shape) next++;
  return next;
}

function requireInteger(option: string, value: number, least: number): void {
  if (value === Number.POSITIVE_INFINITY || (Number.isInteger(value) && value >= least)) return;
  throw new PerturbError("usage", `${option} is ${value}; it must be a whole number from ${least} up.`, {
    data: { option, value, least },
  });
}

/**
 * The same samples seen in another shape: dimensions of 1 come and go, and flat features fold or unfold in row-major order.
 * Pictures of the one layout are transposed where the other is wanted, and `notes` say so. Other axes never change places.
 * @throws mismatch when the shapes do not hold the same elements
 */
export function withShape(dataset: Dataset, shape: readonly number[]): Dataset {
  if (`${shape}` === `${dataset.shape}`) return dataset;
  const transpose = transposed(dataset.shape, shape);
  if (transpose) return inOtherLayout(dataset, shape);
  if (dataset.shapeOf)
    throw new PerturbError(
      "mismatch",
      `The samples of ${dataset.name} have several shapes, the largest [${dataset.shape}], and [${shape}] is wanted of all. Have them resized and cropped to it.`,
      { data: { dataset: dataset.name, got: dataset.shape, wanted: shape } },
    );
  const axes = dataset.shape.filter((d) => d !== 1);
  const wanted = shape.filter((d) => d !== 1);
  const foldable = axes.length <= 1 || wanted.length <= 1;
  if (product(axes) !== product(wanted) || (!foldable && `${axes}` !== `${wanted}`))
    throw new PerturbError(
      "mismatch",
      `The samples of ${dataset.name} have shape [${dataset.shape}], which cannot be seen as [${shape}]. Use data of the shape that the model takes; of pictures, [C, H, W] and [H, W, C] are turned into each other where the sizes are the same.`,
      { data: { dataset: dataset.name, got: dataset.shape, wanted: shape } },
    );
  const batches = async function* (options: BatchOptions): AsyncGenerator<Batch> {
    for await (const { indices, x, labels } of dataset.batches(options))
      yield { indices, x: { ...x, dims: [indices.length, ...shape] }, labels };
  };
  return { ...dataset, shape: [...shape], batches };
}

/** Pictures with their channels at the other end. */
function inOtherLayout(dataset: Dataset, shape: readonly number[]): Dataset {
  const isFirst = layoutOf(shape) === "channels-first";
  const moved = ([a, b, c]: readonly number[]) => (isFirst ? [c!, a!, b!] : [b!, c!, a!]);
  const { shapeOf } = dataset;
  const note: Note = {
    code: "transposed",
    message: `The samples of ${dataset.name} have shape [${dataset.shape}], ${layoutOf(dataset.shape)}, and were transposed to the [${shape}] that the model takes.`,
  };
  const batches = async function* (options: BatchOptions): AsyncGenerator<Batch> {
    for await (const { indices, x, labels } of dataset.batches(options)) {
      const own = x.dims.slice(1);
      const transpose = transposed(own, moved(own))!;
      const size = product(own);
      const data = new Float32Array(x.data.length);
      for (let at = 0; at < data.length; at += size)
        transpose(x.data.subarray(at, at + size), data.subarray(at, at + size));
      yield { indices, x: { ...x, dims: [indices.length, ...moved(own)], data }, labels };
    }
  };
  return {
    ...dataset,
    shape: [...shape],
    ...(shapeOf && { shapeOf: (index: number) => moved(shapeOf(index)) }),
    notes: [...(dataset.notes ?? []), note],
    batches,
  };
}
