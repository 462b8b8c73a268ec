import { type Batch, type BatchOptions, batchRanges, checkBatchSize, type Dataset, shapeAt } from "../dataset.ts";
import { PerturbError } from "../errors.ts";
import { randomFor } from "../random.ts";
import { sampleSize } from "../tensor.ts";

/** The stream of the draw, apart from those of attacks. */
const DRAW = 0x64726177;

/** Runs that are read at a time: images decode on several threads. */
const CONCURRENCY = 8;

/**
 * `count` samples of a set, drawn by `seed`: of each class its share, give or take one, and every sample with the same probability.
 * They come in the order of the set, with the numbers that they have there. Where labels are not known the draw is from all alike.
 */
export function drawn(data: Dataset, count: number, seed: number): Dataset {
  return part(data, indicesOf(data, count, seed), seed);
}

/**
 * `count` samples of a set in a random order, by `seed`: the first n of them are a draw from all alike, whichever n is. In each run of `block` they
 * come in the order of the set, so that only an n between two blocks is such a draw.
 */
export function shuffled(data: Dataset, count: number, seed: number, block: number): Dataset {
  const keys = Float64Array.from({ length: data.size }, (_, i) => {
    const random = randomFor(seed, i, DRAW);
    return random.uint32() * 2 ** 21 + (random.uint32() >>> 11);
  });
  const order = sortedBy(keys);
  for (let at = 0; at < count; at += block) order.subarray(at, Math.min(count, at + block)).sort();
  const chosen = part(data, order.slice(0, count), seed);
  return { ...chosen, drawn: { ...chosen.drawn!, shuffled: true } };
}

/**
 * Systematic sampling: the samples class by class, shuffled inside each, and of these every (size / count)-th from a random start on.
 * A sample's place depends on the seed, its own index and label alone.
 */
function indicesOf({ size, labels }: Dataset, count: number, seed: number): Int32Array {
  const keys = Float64Array.from(
    { length: size },
    (_, i) => (labels?.[i] ?? 0) * 2 ** 32 + randomFor(seed, i, DRAW).uint32(),
  );
  const order = sortedBy(keys);
  const start = randomFor(seed, -1, DRAW).uniform();
  return Int32Array.from({ length: count }, (_, k) => order[Math.floor(((k + start) * size) / count)]!).sort();
}

/** The indices of keys that rise; of equal ones the first comes first. */
const sortedBy = (keys: Float64Array): Int32Array =>
  Int32Array.from(keys, (_, i) => i).sort((a, b) => keys[a]! - keys[b]! || a - b);

/** The samples of a set with these indices, in this order. */
export function part(data: Dataset, indices: Int32Array, seed: number): Dataset {
  const { labels } = data;
  return {
    ...data,
    size: indices.length,
    ...(labels && { labels: Int32Array.from(indices, (i) => labels[i]!) }),
    drawn: { indices, of: data.size, seed },
    async *batches(options: BatchOptions): AsyncGenerator<Batch> {
      const shapes = data.shapeOf && ((place: number) => data.shapeOf!(indices[place]!));
      for (const [start, end] of batchRanges(indices.length, options, shapes)) {
        checkBatchSize(end - start, shapeAt(data, indices[start]!));
        yield await samplesOf(data, indices.subarray(start, end), options.signal);
      }
    },
  };
}

/** Samples of a whole set, by their indices, read in runs of neighbours. */
async function samplesOf(data: Dataset, indices: Int32Array, signal?: AbortSignal): Promise<Batch> {
  const runs = runsOf(indices);
  const rows: Batch[] = [];
  for (let from = 0; from < runs.length; from += CONCURRENCY)
    rows.push(...(await Promise.all(runs.slice(from, from + CONCURRENCY).map((run) => read(data, run, signal)))));
  const size = sampleSize(rows[0]!.x);
  const x = new Float32Array(indices.length * size);
  const labels = new Int32Array(indices.length);
  const own = new Int32Array(indices.length);
  let at = 0;
  for (const row of rows) {
    x.set(row.x.data, at * size);
    labels.set(row.labels, at);
    own.set(row.indices, at);
    at += row.labels.length;
  }
  return { indices: own, x: { ...rows[0]!.x, dims: [at, ...rows[0]!.x.dims.slice(1)], data: x }, labels };
}

/** Neighbours: the index of the first, and how many. */
type Run = { readonly offset: number; readonly limit: number };

function runsOf(indices: Int32Array): Run[] {
  const runs: Run[] = [];
  for (let from = 0, to = 1; from < indices.length; from = to++) {
    while (to < indices.length && indices[to] === indices[to - 1]! + 1) to++;
    runs.push({ offset: indices[from]!, limit: to - from });
  }
  return runs;
}

async function read(data: Dataset, run: Run, signal: AbortSignal | undefined): Promise<Batch> {
  for await (const batch of data.batches({ ...run, batch: run.limit, signal })) return batch;
  throw new PerturbError("internal", `${data.name} gave no sample ${run.offset}.`);
}

/**
 * Samples of a set, or of a part that was drawn from it, by the indices that they have in the set; where these have several
 * shapes, those of the commonest.
 */
export function samplesAt(data: Dataset, given: readonly number[]): Promise<Batch> {
  const indices = data.shapeOf ? ofOneShape(given, data.shapeOf) : given;
  if (!data.drawn) return samplesOf(data, Int32Array.from(indices));
  const places = new Map(Array.from(data.drawn.indices, (index, place) => [index, place]));
  return samplesOf(
    data,
    Int32Array.from(indices, (index) => places.get(index)!),
  );
}

function ofOneShape(indices: readonly number[], shapeOf: (index: number) => readonly number[]): readonly number[] {
  const groups = new Map<string, number[]>();
  for (const index of indices) {
    const shape = String(shapeOf(index));
    groups.set(shape, [...(groups.get(shape) ?? []), index]);
  }
  return [...groups.values()].reduce((most, group) => (group.length > most.length ? group : most), []);
}
