import type { Graph } from "../onnx/graph.ts";
import type { Runtime } from "../runtime.ts";
import { type FloatTensor, product, sampleSize, takeRows, tensor } from "../tensor.ts";
import { around, type Box } from "./box.ts";
import type { Arithmetic } from "./enclose.ts";
import { type BoundPrograms, boundPrograms, type Frontier, found, known } from "./programs.ts";

/** Rows of coefficients at a time. */
const CHUNK = 512;
/** Elements of a layer whose coefficients are made at a time. */
const MOST_SEEDS = 4096;

/** What is asked about: coefficients of the output, one row each, with the sample that they are asked of. */
export interface Rows {
  /** [rows, ...output] */
  readonly seed: FloatTensor;
  readonly samples: Int32Array;
}

/**
 * `ibp`: intervals through every layer. `crown-ibp`: lines from the output back to the input, their slopes by intervals. `crown`: lines for each
 * layer, too, where intervals leave open on which side of a kink a neuron is.
 */
export type Method = "ibp" | "crown-ibp" | "crown";

/** Bounds of a classifier's logits over boxes around samples. */
export interface BoundsOf {
  /**
   * For each row, a number that Σ seed·logits is not below, whatever x of its box the network is given. Rows of one sample stand together.
   * @throws runtime
   */
  lower(box: Box, rows: Rows, method?: Method): Promise<Float64Array>;
  /** The same bounds, and the line that each is the least value of: how much it changes with each element of the input, [rows, ...]. */
  lines(
    box: Box,
    rows: Rows,
    method?: Method,
  ): Promise<{ readonly bounds: Float64Array; readonly slopes: FloatTensor }>;
  release(): Promise<void>;
}

/** The ends of each value that a nonlinear node reads, by its name. */
type Ends = Map<string, { readonly lower: Float32Array; readonly upper: Float32Array }>;

/** Opens a classifier, `x` [N, ...] to `logits` [N, classes], for bounds. @throws unsupported where an operator has none */
export async function openBounds(
  classifier: Graph,
  runtime: Runtime,
  arithmetic: Arithmetic = "float32",
): Promise<BoundsOf> {
  const programs = await boundPrograms(classifier, runtime, arithmetic);
  const lines = async (box: Box, rows: Rows, method: Method = "crown") =>
    boundsOf(
      programs,
      { value: programs.output, isFlat: method === "ibp" },
      { box, ends: await settle(programs, box, method) },
      rows,
    );
  return {
    lines,
    lower: async (box, rows, method) => (await lines(box, rows, method)).bounds,
    release: programs.release,
  };
}

/** The ends of all values before nonlinear nodes, layer by layer: better ones make those of the layers after them better. */
async function settle(programs: BoundPrograms, box: Box, method: Method): Promise<Ends> {
  const n = box.centre.dims[0]!;
  const ends: Ends = new Map(
    programs.frontiers.map(({ value, shape }) => {
      const size = n * product(shape);
      return [
        value,
        {
          lower: new Float32Array(size).fill(Number.NEGATIVE_INFINITY),
          upper: new Float32Array(size).fill(Number.POSITIVE_INFINITY),
        },
      ];
    }),
  );
  // The graph of a bound makes its own intervals of what is known; these only tell what is still open.
  let isStale = true;
  for (const frontier of method === "crown" ? programs.frontiers : []) {
    if (frontier.isFirst) continue;
    if (isStale) await spread(programs, box, ends);
    isStale = await refine(programs, frontier, box, ends);
  }
  return ends;
}

/** Intervals from what is known of the layers before. */
async function spread({ frontiers, intervals }: BoundPrograms, box: Box, ends: Ends): Promise<void> {
  if (!intervals) return;
  const results = await intervals.run(feeds(intervals.inputs, frontiers, box, ends));
  for (const { value } of frontiers) {
    const names = found(value);
    ends.set(value, {
      lower: results[names.lower]!.data as Float32Array,
      upper: results[names.upper]!.data as Float32Array,
    });
  }
}

function feeds(
  inputs: readonly string[],
  frontiers: readonly Frontier[],
  box: Box,
  ends: Ends,
): Record<string, FloatTensor> {
  const n = box.centre.dims[0]!;
  const all: Record<string, FloatTensor> = { centre: box.centre, lower: box.lower, upper: box.upper };
  for (const { value, shape } of frontiers) {
    const names = known(value);
    const { lower, upper } = ends.get(value)!;
    all[names.lower] = tensor("float32", [n, ...shape], lower);
    all[names.upper] = tensor("float32", [n, ...shape], upper);
  }
  return Object.fromEntries(inputs.flatMap((name) => (all[name] ? [[name, all[name]]] : [])));
}

/** Bounds the elements of a value that intervals leave open, both ways. Gives whether there were any. */
async function refine(programs: BoundPrograms, frontier: Frontier, box: Box, ends: Ends): Promise<boolean> {
  const { value, shape, isOpen } = frontier;
  const { lower, upper } = ends.get(value)!;
  const size = product(shape);
  const open = Array.from(lower.keys()).filter((i) => isOpen(lower[i]!, upper[i]!));
  if (open.length === 0) return false;
  const better = { lower: lower.slice(), upper: upper.slice() };
  for (let at = 0; at < open.length; at += MOST_SEEDS) {
    const elements = open.slice(at, at + MOST_SEEDS);
    const count = elements.length;
    const seed = new Float32Array(2 * count * size);
    const samples = new Int32Array(2 * count);
    elements.forEach((element, i) => {
      seed[2 * i * size + (element % size)] = 1;
      seed[(2 * i + 1) * size + (element % size)] = -1;
      samples[2 * i] = samples[2 * i + 1] = Math.floor(element / size);
    });
    const { bounds } = await boundsOf(
      programs,
      { value, isFlat: false },
      { box, ends },
      {
        seed: tensor("float32", [2 * count, ...shape], seed),
        samples,
      },
    );
    elements.forEach((element, i) => {
      better.lower[element] = Math.max(better.lower[element]!, around(bounds[2 * i]!)[0]);
      better.upper[element] = Math.min(better.upper[element]!, -around(bounds[2 * i + 1]!)[0]);
    });
  }
  ends.set(value, better);
  return true;
}

/** Rows of one sample, which stand together. */
interface Part {
  readonly sample: number;
  readonly from: number;
  readonly to: number;
}

/** The rows of each sample, at most CHUNK in a part. */
function parts(samples: Int32Array): Part[] {
  const all: Part[] = [];
  for (let from = 0, to: number; from < samples.length; from = to) {
    to = from + 1;
    while (to < samples.length && to - from < CHUNK && samples[to] === samples[from]) to++;
    all.push({ sample: samples[from]!, from, to });
  }
  return all;
}

/** Parts side by side in one run, of CHUNK rows at most: each has as many rows as the longest. */
function groups(all: readonly Part[]): Part[][] {
  const made: Part[][] = [];
  let longest = 0;
  for (const part of all) {
    const last = made.at(-1);
    longest = Math.max(longest, part.to - part.from);
    if (last && longest * (last.length + 1) <= CHUNK) {
      last.push(part);
    } else {
      made.push([part]);
      longest = part.to - part.from;
    }
  }
  return made;
}

async function boundsOf(
  programs: BoundPrograms,
  { value, isFlat }: { value: string; isFlat: boolean },
  { box, ends }: { box: Box; ends: Ends },
  { seed, samples }: Rows,
): Promise<{ bounds: Float64Array; slopes: FloatTensor }> {
  const program = await programs.boundOf(value, isFlat);
  const all = feeds(program.inputs, programs.frontiers, box, ends);
  const bounds = new Float64Array(samples.length);
  const slopes = zeros([samples.length, ...box.centre.dims.slice(1)]);
  const inputSize = sampleSize(slopes);
  const shape = seed.dims.slice(1);
  const size = product(shape);
  for (const group of groups(parts(samples))) {
    const rows = Math.max(...group.map(({ from, to }) => to - from));
    const taken = group.map(({ sample }) => sample);
    const given = Object.fromEntries(Object.entries(all).map(([name, t]) => [name, takeRows(t, taken)]));
    const coefficients = zeros([rows * group.length, ...shape]);
    for (const [i, { from, to }] of group.entries())
      coefficients.data.set(seed.data.subarray(from * size, to * size), i * rows * size);
    given["seed"] = coefficients;
    // Read for its shape alone, if at all.
    if (program.inputs.includes("x")) given["x"] = zeros([rows * group.length, ...box.centre.dims.slice(1)]);
    const made = await program.run(given);
    const bound = made["bound"]!.data as Float64Array;
    const slope = made["slope"]!.data as Float32Array;
    for (const [i, { from, to }] of group.entries()) {
      const [first, end] = [i * rows, i * rows + to - from];
      bounds.set(bound.subarray(first, end), from);
      slopes.data.set(slope.subarray(first * inputSize, end * inputSize), from * inputSize);
    }
  }
  return { bounds, slopes };
}

const zeros = (dims: readonly number[]): FloatTensor => tensor("float32", dims, new Float32Array(product(dims)));
