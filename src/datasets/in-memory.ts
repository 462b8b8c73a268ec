import { MAX_CLASSES } from "../classes.ts";
import { type Batch, type BatchOptions, batchRanges, checkBatchSize, type Dataset } from "../dataset.ts";
import { PerturbError } from "../errors.ts";
import { type FloatTensor, product, type Tensor } from "../tensor.ts";
import { labelSetsFromTensor } from "./label-arrays.ts";
import { ofSets } from "./label-sets.ts";

/** Samples in memory. */
export interface SampleArrays {
  /** A tensor [n, ...], or its elements in row-major order, with `shape`. In the units of the model's bounds, by default [0, 1]. */
  readonly x: FloatTensor | Float32Array;
  /** Shape of one sample, such as [3, 32, 32]; by default that of the tensor. */
  readonly shape?: readonly number[];
  /** For reports, by default "arrays". */
  readonly name?: string;
}

/** Samples with one class each. */
export interface ClassArrays extends SampleArrays {
  /** The class of each sample: n whole numbers from 0. */
  readonly labels: ArrayLike<number>;
  /** By default as many as `classNames`, else the largest label + 1. */
  readonly classes?: number;
  readonly classNames?: readonly string[];
  readonly labelSets?: undefined;
}

/** Samples that may have several labels each. */
export interface LabelSetArrays extends SampleArrays {
  /** [n, labels] of 0 and 1, of any type. */
  readonly labelSets: Tensor;
  readonly labels?: undefined;
  readonly classes?: undefined;
  readonly classNames?: undefined;
}

export type ArraysOptions = ClassArrays | LabelSetArrays;

/**
 * A data set of arrays in memory, which are not copied: leave them as they are while it is used.
 * @throws usage for what is missing or is no number of classes; mismatch where samples, labels, shape and classes do not
 *   fit; out-of-bounds for elements that are not finite and labels that are no class; invalid-file for label sets of other values
 */
export function datasetOf(given: ArraysOptions): Dataset {
  const { name = "arrays" } = given;
  if (given.labelSets === undefined) return ofClasses(given, name);
  const sets = labelSetsFromTensor(given.labelSets, name);
  const { x, shape } = given;
  const labels = new Int32Array(sets.dims[0]!);
  return ofSets(ofClasses({ x, ...(shape && { shape }), labels, classes: 1 }, name), sets);
}

function ofClasses({ x, labels, shape, classNames, ...given }: ClassArrays, name: string): Dataset {
  const data = elementsOf(x);
  const sample = sampleShape(x, shape, data.length);
  const [count, elements] = [labels.length, product(sample)];
  if (count === 0) throw new PerturbError("usage", `${name} has no labels. Give the class of at least one sample.`);
  if (count * elements !== data.length)
    throw new PerturbError(
      "mismatch",
      `${name} has ${count} labels and ${data.length} elements: samples of shape [${sample}] need ${count * elements}. Give one label for each sample.`,
      { data: { labels: count, elements: data.length, shape: sample } },
    );
  checkFinite(name, data, elements);
  const classes = classesOf(name, labels, given.classes ?? classNames?.length);
  if (classNames && classNames.length !== classes)
    throw new PerturbError(
      "mismatch",
      `${name} has ${classes} classes and ${classNames.length} names. Name each class.`,
    );
  return {
    name,
    size: count,
    shape: sample,
    classes,
    labels,
    ...(classNames && { classNames }),
    async *batches(options: BatchOptions): AsyncGenerator<Batch> {
      for (const [start, end] of batchRanges(count, options)) {
        checkBatchSize(end - start, sample);
        yield {
          indices: Int32Array.from({ length: end - start }, (_, i) => start + i),
          // Copied: whoever gets a batch may send it to another thread.
          x: { type: "float32", dims: [end - start, ...sample], data: data.slice(start * elements, end * elements) },
          labels: Int32Array.from({ length: end - start }, (_, i) => labels[start + i]!),
        };
      }
    },
  };
}

function elementsOf(x: FloatTensor | Float32Array): Float32Array {
  const data: unknown = x instanceof Float32Array ? x : x?.data;
  if (data instanceof Float32Array) return data;
  throw new PerturbError("usage", "x holds no float32 elements. Give a Float32Array, or a tensor of one.");
}

/** @throws usage, mismatch */
function sampleShape(
  x: FloatTensor | Float32Array,
  shape: readonly number[] | undefined,
  elements: number,
): readonly number[] {
  const own = x instanceof Float32Array ? undefined : x.dims;
  if (own && product(own) !== elements)
    throw new PerturbError(
      "mismatch",
      `A tensor of shape [${own}] needs ${product(own)} elements, and x has ${elements}.`,
    );
  const sample = shape ?? own?.slice(1);
  if (!sample)
    throw new PerturbError(
      "usage",
      "x is a plain array. Give the shape of one sample too, such as shape: [3, 32, 32].",
    );
  if (sample.length === 0 || !sample.every((size) => Number.isSafeInteger(size) && size > 0))
    throw new PerturbError("usage", `The shape of one sample is [${sample}]. Give whole numbers of at least 1.`);
  if (own && product(own.slice(1)) !== product(sample))
    throw new PerturbError("mismatch", `Samples of shape [${own.slice(1)}] do not have the shape [${sample}].`);
  return [...sample];
}

function checkFinite(name: string, data: Float32Array, elements: number): void {
  const at = data.findIndex((value) => !Number.isFinite(value));
  if (at >= 0)
    throw new PerturbError(
      "out-of-bounds",
      `Sample ${Math.floor(at / elements)} of ${name} holds ${data[at]}. Give finite numbers.`,
      { data: { index: Math.floor(at / elements) } },
    );
}

/** The number of classes, after checking each label against it. */
function classesOf(name: string, labels: ArrayLike<number>, given: number | undefined): number {
  const classes = given ?? MAX_CLASSES;
  if (!(Number.isInteger(classes) && classes >= 1 && classes <= MAX_CLASSES))
    throw new PerturbError("usage", `classes is ${classes}. Give a whole number from 1 to ${MAX_CLASSES}.`);
  let largest = 0;
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (!(Number.isInteger(label) && label >= 0 && label < classes))
      throw new PerturbError(
        "out-of-bounds",
        `Sample ${i} of ${name} has the label ${label}. Labels are whole numbers from 0 to ${classes - 1}.`,
        { data: { index: i, label } },
      );
    largest = Math.max(largest, label);
  }
  return given ?? largest + 1;
}
