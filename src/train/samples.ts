import type { Dataset } from "../dataset.ts";
import { UNIT } from "../datasets/pixels.ts";
import { PerturbError } from "../errors.ts";
import { option } from "../option.ts";
import { randomFor } from "../random.ts";
import { product, type Tensor } from "../tensor.ts";
import { STREAM } from "./streams.ts";

/** Samples in memory, to be had in any order. */
export interface Samples {
  readonly size: number;
  /** The samples of these indices: `x` [n, …] and `labels` (int64, [n]). */
  take(rows: Int32Array): { x: Tensor<"float32">; labels: Tensor<"int64"> };
}

export interface LoadOptions {
  /** The first so many samples. */
  readonly size: number;
  readonly signal?: AbortSignal | undefined;
}

/** Most bytes of samples that are held. */
const MAX_BYTES = 2 ** 31;
const BATCH = 1000;

/**
 * Reads samples into memory: one byte a value as long as all are bytes over 255, as in images, and float32 otherwise.
 * @throws usage when they would take more than 2 GiB
 */
export async function loadSamples(data: Dataset, { size, signal }: LoadOptions): Promise<Samples> {
  if (data.labelSets)
    throw new PerturbError(
      "usage",
      `${data.name} has several labels for a sample, and networks are trained on one class each.`,
    );
  const length = product(data.shape);
  const labels = new Int32Array(size);
  let values: Uint8Array | Float32Array = reserve(data, size, Uint8Array);
  let start = 0;
  for await (const { x, labels: known } of data.batches({ batch: BATCH, limit: size, signal })) {
    labels.set(known, start);
    const bytes = values instanceof Uint8Array ? toBytes(x.data) : undefined;
    if (bytes === undefined && values instanceof Uint8Array)
      values = reserve(data, size, Float32Array, values.subarray(0, start * length));
    values.set(bytes ?? x.data, start * length);
    start += known.length;
  }
  const held = values;
  return {
    size,
    take(rows) {
      const x = new Float32Array(rows.length * length);
      for (let i = 0; i < rows.length; i++) copyRow(held, rows[i]! * length, x, i * length, length);
      return {
        x: { type: "float32", dims: [rows.length, ...data.shape], data: x },
        labels: { type: "int64", dims: [rows.length], data: BigInt64Array.from(rows, (row) => BigInt(labels[row]!)) },
      };
    },
  };
}

function copyRow(from: Uint8Array | Float32Array, start: number, to: Float32Array, at: number, length: number): void {
  if (from instanceof Float32Array) to.set(from.subarray(start, start + length), at);
  else for (let j = 0; j < length; j++) to[at + j] = UNIT[from[start + j]!]!;
}

/** The bytes behind values that are all bytes over 255. */
function toBytes(values: Float32Array): Uint8Array | undefined {
  const bytes = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    const byte = Math.round(value * 255);
    if (UNIT[byte] !== value) return undefined;
    bytes[i] = byte;
  }
  return bytes;
}

/** Room for all values, filled with those that came as bytes. */
function reserve<T extends Uint8Array | Float32Array>(
  data: Dataset,
  size: number,
  Kind: new (length: number) => T,
  known: Uint8Array = new Uint8Array(0),
): T {
  const length = size * product(data.shape);
  const bytes = length * (Kind as unknown as typeof Uint8Array).BYTES_PER_ELEMENT;
  if (bytes > MAX_BYTES)
    throw new PerturbError(
      "usage",
      `Training keeps its samples in memory, and ${size} of ${data.name} take ${(bytes / 2 ** 30).toFixed(1)} GiB; ${MAX_BYTES / 2 ** 30} GiB are allowed. Use fewer samples (${option("limit")}), or smaller ones.`,
      {
        data: { dataset: data.name, bytes, allowed: MAX_BYTES },
      },
    );
  const values = new Kind(length);
  for (let i = 0; i < known.length; i++) values[i] = UNIT[known[i]!]!;
  return values;
}

/** The order in which an epoch takes its samples: a shuffle (Fisher-Yates) by (seed, epoch). */
export function shuffledOrder(size: number, seed: number, epoch: number): Int32Array {
  const order = Int32Array.from({ length: size }, (_, i) => i);
  const random = randomFor(seed, 0, STREAM.order, epoch);
  for (let i = size - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
