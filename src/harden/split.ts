import type { Batch, Dataset } from "../dataset.ts";
import { drawn, samplesAt } from "../datasets/draw.ts";
import { product } from "../tensor.ts";
import { loadSamples } from "../train/samples.ts";

/** The samples of a set by what they are for: indices in the set, rising. No sample is in two of them. */
export interface Split {
  readonly training: Int32Array;
  /** Tell after each epoch how good the network is, and choose the epoch. */
  readonly validation: Int32Array;
  /** Were never looked at, and choose nothing. */
  readonly test: Int32Array;
}

/** Holds samples out, drawn by the seed: of each class its share, where the set knows the labels without its samples. */
export function split(
  data: Dataset,
  {
    validation,
    test = 0,
    seed,
  }: { readonly validation: number; readonly test?: number | undefined; readonly seed: number },
): Split {
  const held = drawn(data, validation + test, seed).drawn!.indices;
  // One after the other, so that both get their share of each part of the set.
  const isTest = (k: number): boolean =>
    Math.floor(((k + 1) * test) / held.length) > Math.floor((k * test) / held.length);
  const out = new Set(held);
  return {
    training: Int32Array.from({ length: data.size }, (_, i) => i).filter((i) => !out.has(i)),
    validation: held.filter((_, k) => !isTest(k)),
    test: held.filter((_, k) => isTest(k)),
  };
}

/** Samples by their indices, in any order. */
export type TakeSamples = (indices: Int32Array) => Promise<Batch>;

/** Bytes of samples that are held in memory; those of larger sets are read when they are asked for. */
const HELD = 2 ** 30;

/** Opens a set for reading in any order. */
export async function openSamples(data: Dataset, signal: AbortSignal | undefined): Promise<TakeSamples> {
  const bytes = data.size * product(data.shape) * Float32Array.BYTES_PER_ELEMENT;
  if (bytes > HELD) return (indices) => inOrder(data, indices);
  const held = await loadSamples(data, { size: data.size, signal });
  return async (indices) => {
    const { x, labels } = held.take(indices);
    return { x, labels: Int32Array.from(labels.data, Number), indices };
  };
}

/** `samplesAt` reads neighbours at once, and wants indices that rise. */
async function inOrder(data: Dataset, indices: Int32Array): Promise<Batch> {
  const order = Int32Array.from(indices.keys()).sort((a, b) => indices[a]! - indices[b]!);
  const read = await samplesAt(
    data,
    [...order].map((k) => indices[k]!),
  );
  const size = product(data.shape);
  const x = new Float32Array(read.x.data.length);
  const labels = new Int32Array(indices.length);
  for (const [place, k] of order.entries()) {
    x.set(read.x.data.subarray(place * size, (place + 1) * size), k * size);
    labels[k] = read.labels[place]!;
  }
  return { indices, x: { ...read.x, data: x }, labels };
}
