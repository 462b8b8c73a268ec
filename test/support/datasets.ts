import { existsSync } from "node:fs";
import { expect } from "vitest";
import type { Batch, BatchOptions, ByteSource, Dataset } from "../../src/dataset.ts";
import { folderOf } from "../../src/datasets/installed.node.ts";
import type { Place } from "../../src/datasets/known.ts";
import { type ErrorCode, PerturbError } from "../../src/errors.ts";

/**
 * What the title of tests says that are skipped where a data set is not installed, which is printed too; else "".
 * A test may use what the checkout, `npm ci` and scripts/system-packages.js bring, and the last need not succeed.
 */
export function installedNote(place: Place): string {
  const folder = folderOf(place);
  if (existsSync(folder)) return "";
  const note = `skipped: there is no ${folder}; ${place.install} brings it`;
  console.warn(note);
  return ` (${note})`;
}

/** All samples that a data set gives, joined; the sizes of its batches beside them. */
export async function collect(dataset: Dataset, options: BatchOptions) {
  const all = { indices: [] as number[], labels: [] as number[], x: [] as number[], batches: [] as number[] };
  for await (const batch of dataset.batches(options)) {
    expect(batch.x.dims).toEqual([batch.indices.length, ...dataset.shape]);
    expect(batch.labels.length).toBe(batch.indices.length);
    all.batches.push(batch.indices.length);
    all.indices.push(...batch.indices);
    all.labels.push(...batch.labels);
    for (const value of batch.x.data) all.x.push(value);
  }
  return all;
}

export async function firstBatch(dataset: Dataset, batch: number): Promise<Batch> {
  for await (const first of dataset.batches({ batch, limit: batch })) return first;
  throw new Error("no batch");
}

/** What a call throws, which must be a PerturbError of this code; its message for further checks. */
export async function failure(code: ErrorCode, work: () => unknown): Promise<PerturbError> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof PerturbError)) throw error;
    expect(error.code, error.message).toBe(code);
    return error;
  }
  throw new Error(`Expected ${code}, but nothing was thrown.`);
}

/** Runs a reader on hostile bytes: it may succeed, or throw a PerturbError that is no fault of ours, and nothing else. */
export async function survives(work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof PerturbError) || error.code === "internal") throw error;
  }
}

/** A source that notes each range that is read. */
export function watched(source: ByteSource): ByteSource & { readonly reads: (readonly [number, number])[] } {
  const reads: (readonly [number, number])[] = [];
  const read = (start: number, end: number) => {
    reads.push([start, end]);
    return source.read(start, end);
  };
  return { ...source, read, reads };
}
