import type { Program } from "../../runtime.ts";
import { type FloatTensor, product, sampleSize, takeRows, tensor } from "../../tensor.ts";
import type { Box } from "./box.ts";
import { type Least, leastOver } from "./least.ts";
import { known } from "./names.ts";
import type { Frontier } from "./programs.ts";

/** Coefficients of one value at a time: in more memory, they are no longer near the processor. */
const MOST_COEFFICIENTS = 2 ** 18;

/** What is asked about: coefficients of the output, one row each, with the sample that they are asked of. */
export interface Rows {
  /** [rows, ...output] */
  readonly seed: FloatTensor;
  readonly samples: Int32Array;
}

/** The rows that ask about elements themselves, or about their negatives. */
export function unitRows(
  asked: readonly { readonly sample: number; readonly at: number; readonly sign: 1 | -1 }[],
  shape: readonly number[],
): Rows {
  const size = product(shape);
  const seed = zeros([asked.length, ...shape]);
  for (const [i, { at, sign }] of asked.entries()) seed.data[i * size + at] = sign;
  return { seed, samples: Int32Array.from(asked, ({ sample }) => sample) };
}

/** The ends of each value that a nonlinear node reads, by its name. */
export type Ends = Map<string, { readonly lower: Float32Array; readonly upper: Float32Array }>;

/** What the graphs of bounds take of a box and of what is known over it, by name. */
export function givenOf(frontiers: readonly Frontier[], box: Box, ends: Ends): Given {
  const n = box.centre.dims[0]!;
  const all: Record<string, FloatTensor> = { centre: box.centre, lower: box.lower, upper: box.upper };
  for (const { value, shape } of frontiers) {
    const names = known(value);
    const { lower, upper } = ends.get(value)!;
    all[names.lower] = tensor("float32", [n, ...shape], lower);
    all[names.upper] = tensor("float32", [n, ...shape], upper);
  }
  // Read for its shape alone, if at all.
  const given = { samples: all, rows: { x: box.centre } };
  return box.ball ? { ...given, least: leastOver(box, box.ball) } : given;
}

/** Rows of one sample, which stand together. */
interface Part {
  readonly sample: number;
  readonly from: number;
  readonly to: number;
}

/** The rows of each sample, at most so many in a part. */
function parts(samples: Int32Array, most: number): Part[] {
  const all: Part[] = [];
  for (let from = 0, to: number; from < samples.length; from = to) {
    to = from + 1;
    while (to < samples.length && to - from < most && samples[to] === samples[from]) to++;
    all.push({ sample: samples[from]!, from, to });
  }
  return all;
}

/** Parts side by side in one run, of so many rows at most: each has as many rows as the longest. */
function groups(all: readonly Part[], most: number): Part[][] {
  const made: Part[][] = [];
  let longest = 0;
  for (const part of all) {
    const last = made.at(-1);
    longest = Math.max(longest, part.to - part.from);
    if (last && longest * (last.length + 1) <= most) {
      last.push(part);
    } else {
      made.push([part]);
      longest = part.to - part.from;
    }
  }
  return made;
}

/** What a graph of bounds takes: for each sample, and, repeated, for each row of coefficients. */
export interface Given {
  readonly samples: Readonly<Record<string, FloatTensor>>;
  readonly rows: Readonly<Record<string, FloatTensor>>;
  /** Of a box with a ball: what is to be added to what a graph tells, which then bounds all but what the input loses. */
  readonly least?: Least;
}

/** A sum of two bounds, off by no more than float64 rounds. */
export const lowered = (bound: number, by: number): number => bound + by - 2 ** -50 * (Math.abs(bound) + Math.abs(by));

/** Bounds of the rows asked about a value, as many of them in one run as fit. @param input shape of the network's input */
export async function boundsOf(
  program: Program,
  { samples: all, rows: repeated, least }: Given,
  { seed, samples }: Rows,
  input: readonly number[],
): Promise<{ bounds: Float64Array; slopes: FloatTensor }> {
  const bounds = new Float64Array(samples.length);
  const slopes = zeros([samples.length, ...input]);
  const inputSize = sampleSize(slopes);
  const shape = seed.dims.slice(1);
  const size = product(shape);
  const widest = Math.max(size, inputSize, ...Object.values(all).map(sampleSize));
  const most = Math.max(32, Math.floor(MOST_COEFFICIENTS / widest));
  for (const group of groups(parts(samples, most), most)) {
    const rows = Math.max(...group.map(({ from, to }) => to - from));
    const taken = group.map(({ sample }) => sample);
    const given: Record<string, FloatTensor> = {};
    const each = taken.flatMap((sample) => Array<number>(rows).fill(sample));
    for (const name of program.inputs) {
      if (all[name]) given[name] = takeRows(all[name], taken);
      else if (repeated[name]) given[name] = takeRows(repeated[name], each);
    }
    const coefficients = zeros([rows * group.length, ...shape]);
    for (const [i, { from, to }] of group.entries())
      coefficients.data.set(seed.data.subarray(from * size, to * size), i * rows * size);
    given["seed"] = coefficients;
    const made = await program.run(given);
    // The two have different names, so that what is to be added cannot be forgotten.
    const bound = made[least ? "base" : "bound"]!.data as Float64Array;
    const slope = made["slope"]!.data as Float32Array;
    for (const [i, { from, to }] of group.entries()) {
      const [first, end] = [i * rows, i * rows + to - from];
      bounds.set(bound.subarray(first, end), from);
      slopes.data.set(slope.subarray(first * inputSize, end * inputSize), from * inputSize);
      for (let row = from; least && row < to; row++) {
        const own = slopes.data.subarray(row * inputSize, (row + 1) * inputSize) as Float32Array;
        bounds[row] = lowered(bounds[row]!, least.bound(own, samples[row]!));
      }
    }
  }
  return { bounds, slopes };
}

const zeros = (dims: readonly number[]): FloatTensor => tensor("float32", dims, new Float32Array(product(dims)));
