import { type FileHandle, open } from "node:fs/promises";
import { type Dataset, shapeAt } from "../dataset.ts";
import { createNpz } from "../datasets/npz-stream.ts";
import { PerturbError } from "../errors.ts";
import type { AdversarialBatch } from "../evaluate/adversarial.ts";
import { layoutOf } from "../report/pictures/picture.ts";
import { type FloatTensor, takeRows } from "../tensor.ts";
import { writeAtomically } from "./files.ts";

/** What is attacked: `total` samples from a place on, at so many ε. */
interface Extent {
  readonly data: Dataset;
  readonly from: number;
  readonly total: number;
  readonly epsilons: number;
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
  const { data, from, total, epsilons } = extent;
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
  const paths = groups.map(({ shape }) =>
    groups.length === 1 ? path : path.replace(/\.npz$/, `-${sizeOf(shape)}.npz`),
  );
  await withFiles(paths, async (handles) => {
    const files = new Map(
      groups.map(({ shape, count }, i) => [
        String(shape),
        openRows(handles[i]!, count, shape, epsilons, data.labelSets),
      ]),
    );
    await work(async (results) => {
      const file = files.get(String(results[0]!.batch.x.dims.slice(1)))!;
      for (const [k, result] of results.entries()) await file.write(k, result);
      file.end(results[0]!.batch.labels.length);
    });
    for (const { finish } of files.values()) await finish();
  });
}

const sizeOf = (shape: readonly number[]): string => {
  const { width, height } = layoutOf(shape);
  return `${width}x${height}`;
};

/** Several files lie in a folder that is written as a whole, or not at all. */
async function withFiles(
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

/** The rows of the .npz: those of ε number k begin at k · count. */
function openRows(handle: FileHandle, count: number, shape: readonly number[], epsilons: number, sets?: FloatTensor) {
  const n = epsilons * count;
  const pixels = { type: "float32", dims: [n, ...shape] } as const;
  const list = <T extends "int32" | "uint8" | "float64">(type: T) => ({ type, dims: [n] });
  const arrays = {
    x: pixels,
    x_adv: pixels,
    label: sets ? ({ type: "float32", dims: [n, sets.dims[1]!] } as const) : list("int32"),
    prediction: list("int32"),
    success: list("uint8"),
    distance: list("float64"),
    index: list("int32"),
    epsilon: list("float64"),
  };
  const npz = createNpz(arrays, {
    async write(position, bytes) {
      for (let at = 0; at < bytes.length; )
        at += (await handle.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
    },
    async read(start, end) {
      const { buffer, bytesRead } = await handle.read(new Uint8Array(end - start), 0, end - start, start);
      return buffer.subarray(0, bytesRead);
    },
  });
  let done = 0;
  return {
    async write(
      k: number,
      { batch, adversarial, predictions, success, distances, epsilon }: AdversarialBatch,
    ): Promise<void> {
      const row = k * count + done;
      const dims = [batch.labels.length];
      await npz.write("x", row, batch.x);
      await npz.write("x_adv", row, adversarial);
      await npz.write("label", row, sets ? takeRows(sets, batch.indices) : { type: "int32", dims, data: batch.labels });
      await npz.write("prediction", row, { type: "int32", dims, data: predictions });
      await npz.write("success", row, { type: "uint8", dims, data: success });
      await npz.write("distance", row, { type: "float64", dims, data: distances });
      await npz.write("index", row, { type: "int32", dims, data: batch.indices });
      await npz.write("epsilon", row, { type: "float64", dims, data: new Float64Array(dims[0]!).fill(epsilon) });
    },
    /** The samples of a batch are written, at every ε. */
    end(samples: number): void {
      done += samples;
    },
    finish: () => npz.finish(),
  };
}
