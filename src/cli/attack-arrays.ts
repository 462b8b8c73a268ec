import { type FileHandle, open } from "node:fs/promises";
import { type Dataset, shapeAt } from "../dataset.ts";
import { PerturbError } from "../errors.ts";
import type { AdversarialBatch } from "../evaluate/adversarial.ts";
import { layoutOf } from "../report/pictures/picture.ts";
import type { Tensor } from "../tensor.ts";
import { openRows } from "./attack-rows.ts";
import { writeAtomically } from "./files.ts";

/** What is attacked: `total` samples from a place on, at so many ε. */
interface Extent {
  readonly data: Dataset;
  readonly from: number;
  readonly total: number;
  readonly epsilons: number;
  /** What inputs beside the samples hold for each of them. */
  readonly fed: readonly (readonly [input: string, values: Tensor])[];
}

/** A file that is being written, for so many samples, of which some are done. */
interface Opened {
  readonly rows: Awaited<ReturnType<typeof openRows>>;
  readonly count: number;
  done: number;
}

/** Takes the results of a batch, one for each ε. */
export type Put = (results: readonly AdversarialBatch[]) => Promise<void>;

/**
 * Writes what becomes of samples into a .npz, the rows of ε number k behind those of all before it. Samples of several sizes go into
 * one file for each, `NAME-WIDTHxHEIGHT.npz`. @throws usage for these where a single file is wanted
 */
export async function writeArrays(
  path: string,
  extent: Extent,
  isSingle: boolean,
  work: (put: Put) => Promise<void>,
): Promise<void> {
  const { data, from, total, epsilons, fed } = extent;
  const counts = new Map<string, { shape: readonly number[]; count: number }>();
  for (let place = from; place < from + (data.shapeOf ? total : 0); place++) {
    const shape = shapeAt(data, place);
    const known = counts.get(String(shape)) ?? { shape, count: 0 };
    counts.set(String(shape), { shape, count: known.count + 1 });
  }
  const groups = counts.size > 1 ? [...counts.values()] : [{ shape: shapeAt(data, from), count: total }];
  if (isSingle && groups.length > 1)
    throw new PerturbError(
      "usage",
      `The pictures of ${data.name} have ${groups.length} sizes, and an array holds those of one. Give a folder for a file of each size: --out DIR.`,
    );
  const paths = groups.map(({ shape }) => (groups.length === 1 ? path : nameFor(path, shape)));
  await withFiles(paths, async (handles) => {
    const opened = groups.map(async ({ shape, count }, i): Promise<[string, Opened]> => {
      const rows = await openRows(handles[i]!, epsilons * count, shape, { sets: data.labelSets, fed });
      return [String(shape), { rows, count, done: 0 }];
    });
    const files = new Map(await Promise.all(opened));
    await work(async (results) => {
      const file = files.get(String(results[0]!.batch.x.dims.slice(1)))!;
      for (const [k, result] of results.entries()) await file.rows.write(k * file.count + file.done, result);
      file.done += results[0]!.batch.labels.length;
    });
    for (const { rows } of files.values()) await rows.finish();
  });
}

/** The name of a file for samples of one shape, beside that of others. */
export const nameFor = (path: string, shape: readonly number[]): string =>
  path.replace(/\.npz$/, `-${sizeOf(shape)}.npz`);

const sizeOf = (shape: readonly number[]): string => {
  const { width, height } = layoutOf(shape);
  return `${width}x${height}`;
};

/** Several files lie in a folder that is written as a whole, or not at all. */
export async function withFiles(
  paths: readonly string[],
  work: (handles: readonly FileHandle[]) => Promise<void>,
): Promise<void> {
  if (paths.length === 1) return writeAtomically(paths[0]!, (handle) => work([handle]));
  const handles: FileHandle[] = [];
  try {
    for (const path of paths) handles.push(await open(path, "wx+"));
    await work(handles);
  } finally {
    await Promise.all(handles.map((handle) => handle.close()));
  }
}
