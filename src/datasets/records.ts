import { type Batch, type BatchOptions, batchRanges, checkBatchSize, type Dataset } from "../dataset.ts";
import { PerturbError } from "../errors.ts";
import type { Labels } from "./labels.ts";
import { oversized, type Reader, truncated } from "./reader.ts";

/** Samples that lie in a file one after another, each of the same number of bytes. */
export interface Records {
  readonly name: string;
  /** Shape of one sample. */
  readonly shape: readonly number[];
  readonly labels: Labels;
  readonly classes: number;
  readonly classNames?: readonly string[] | undefined;
  /** Whether the classes are mixed from the first sample on. */
  readonly mixed?: boolean;
  /** The file that holds the samples, for messages. */
  readonly file: string;
  /** Where the first sample begins. */
  readonly start: number;
  readonly bytesPerSample: number;
  open(): Promise<Reader>;
  readonly pixels?: Dataset["pixels"];
  /** The values of whole samples. */
  decode(bytes: Uint8Array): Float32Array;
}

/** A data set read by range: memory is one byte or four a label, and one batch. */
export function recordDataset(records: Records): Dataset {
  const { name, shape, labels, classes, classNames, pixels, mixed } = records;
  const size = labels.length;
  const batches = async function* (options: BatchOptions): AsyncGenerator<Batch> {
    const reader = await records.open();
    try {
      for (const [start, end] of batchRanges(size, options)) {
        checkBatchSize(end - start, shape);
        const data = records.decode(await readSamples(records, reader, start, end));
        yield {
          indices: Int32Array.from({ length: end - start }, (_, i) => start + i),
          x: { type: "float32", dims: [end - start, ...shape], data },
          labels: Int32Array.from(labels.subarray(start, end)),
        };
      }
    } finally {
      await reader.close();
    }
  };
  return {
    name,
    size,
    shape,
    classes,
    labels,
    ...(classNames && { classNames }),
    ...(pixels && { pixels }),
    ...(mixed && { mixed }),
    batches,
  };
}

async function readSamples(records: Records, reader: Reader, from: number, to: number): Promise<Uint8Array> {
  const start = records.start + from * records.bytesPerSample;
  const end = records.start + to * records.bytesPerSample;
  const bytes = await reader.read(start, end);
  if (bytes.length < end - start) throw truncated(records.file, end, start + bytes.length);
  if (to === records.labels.length && (await reader.read(end, end + 1)).length > 0) throw oversized(records.file, end);
  return bytes;
}

/** @throws invalid-file when a set of this shape has no samples, or samples without elements */
export function requireSamples(file: string, dims: readonly number[]): void {
  if (dims.includes(0))
    throw new PerturbError("invalid-file", `${file} is empty: its header gives the shape [${dims}].`, {
      data: { file, shape: dims },
    });
}
