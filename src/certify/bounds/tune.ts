import type { Program } from "../../runtime.ts";
import { type FloatTensor, product, type Tensor, takeRows, tensor } from "../../tensor.ts";
import { type Ends, givenOf } from "./batches.ts";
import type { Box } from "./box.ts";
import { advised, chosen } from "./names.ts";
import type { BoundPrograms } from "./programs.ts";

/** One element of a value whose sign the box leaves open. */
export interface Neuron {
  readonly value: string;
  readonly element: number;
  readonly lower: number;
  readonly upper: number;
}

/** A part of a box, in which neurons have the signs assumed, and what is chosen of its bound; one number for each open neuron. */
export interface Domain {
  /** -1 or 1 where a sign is assumed, else 0. */
  readonly signs: Int8Array;
  /** α, 0 to 1. */
  readonly shares: Float32Array;
  /** -β·sign, 0 where no sign is assumed. */
  readonly pushes: Float32Array;
}

/** Domains of one box, each with the row of coefficients that it is asked about, [output]. */
export interface Asked {
  readonly domain: Domain;
  readonly row: Float32Array;
  /** What the bound should be above. */
  readonly limit: number;
}

export interface Tuned {
  /** As float32 comes to it: good for choosing, no proof. */
  readonly bound: number;
  readonly domain: Domain;
  /** For each open neuron, what the bound may gain if its sign were known. */
  readonly scores: Float32Array;
  /** The input at which the line of the bound is least. */
  readonly lowest: Float32Array;
}

/** The bounds of one box whose choices are improved. */
export interface Tuning {
  readonly neurons: readonly Neuron[];
  /** What is known of all values that nonlinear nodes read. */
  readonly ends: Ends;
  /** Without assumptions, and the choices that CROWN makes. */
  readonly root: Domain;
  /** Steps of Adam up the bounds (Xu et al. 2021, https://arxiv.org/abs/2011.13824, §3.2), of which the best is kept. */
  improve(asked: readonly Asked[], steps: number, late?: () => boolean): Promise<Tuned[]>;
  /** The bounds alone, no proof. */
  guess(asked: readonly Asked[]): Promise<Float64Array>;
  /** What is proven: numbers that Σ row·output is not below in each domain. */
  prove(asked: readonly Asked[]): Promise<Float64Array>;
  release(): Promise<void>;
}

const RATE = { share: 0.1, push: 0.1, decay: 0.98 };
const [β1, β2] = [0.9, 0.999];

/** Numbers of one value in the domains that are bounded at a time. */
const MOST_NUMBERS = 2 ** 22;

/** @param box one sample  @param ends of it, proven  @param of the value that rows are asked of */
export function openTuning(programs: BoundPrograms, box: Box, ends: Ends, of = programs.output): Tuning {
  const place = programs.frontiers.findIndex(({ value }) => value === of);
  const neurons = programs.frontiers
    .slice(0, place < 0 ? undefined : place)
    .filter(({ bendsAtZero }) => bendsAtZero)
    .flatMap(({ value }) => {
      const { lower, upper } = ends.get(value)!;
      return Array.from(lower, (l, element): Neuron => ({ value, element, lower: l, upper: upper[element]! })).filter(
        (n) => n.lower < 0 && n.upper > 0,
      );
    });
  const root: Domain = {
    signs: new Int8Array(neurons.length),
    shares: Float32Array.from(neurons, ({ lower, upper }) => (upper > -lower ? 1 : 0)),
    pushes: new Float32Array(neurons.length),
  };
  const shape = programs.frontiers[place]?.shape;
  const given = { programs, neurons, box, ends, of, shape };
  const widest = Math.max(box.centre.data.length, ...programs.frontiers.map(({ shape }) => product(shape)));
  const many = Math.max(1, Math.floor(MOST_NUMBERS / widest));
  const inPieces = async <T>(asked: readonly Asked[], of: (piece: readonly Asked[]) => Promise<T>): Promise<T[]> => {
    const made: T[] = [];
    for (let at = 0; at < asked.length; at += many) made.push(await of(asked.slice(at, at + many)));
    return made;
  };
  const bounded = async (program: Program, asked: readonly Asked[]): Promise<Float64Array> => {
    const bounds = await inPieces(asked, async (piece) => {
      const results = await program.run(inputsOf(given, program, piece), ["bound"]);
      return [...(results["bound"]!.data as Float64Array)];
    });
    return Float64Array.from(bounds.flat());
  };
  return {
    neurons,
    ends,
    root,
    release: async () => {},
    improve: async (asked, steps, late = () => false) =>
      (await inPieces(asked, (piece) => improve(given, piece, steps, late))).flat(),
    guess: async (asked) => bounded(await programs.guess(of), asked),
    prove: async (asked) => bounded(await programs.tuned(of), asked),
  };
}

interface Given {
  readonly programs: BoundPrograms;
  readonly neurons: readonly Neuron[];
  readonly box: Box;
  readonly ends: Ends;
  readonly of: string;
  /** Of a row, where it is not flat. */
  readonly shape: readonly number[] | undefined;
}

/** What is the same for all domains is repeated, and what differs spread over the elements of each value. */
function inputsOf({ programs, neurons, box, ends, shape: rowShape }: Given, program: Program, asked: readonly Asked[]) {
  const n = asked.length;
  const rows = new Int32Array(n);
  const spread: Record<string, FloatTensor> = {};
  const repeated: Ends = new Map();
  for (const { value, shape, bendsAtZero } of programs.frontiers) {
    const size = product(shape);
    const many = (data: Float32Array) => takeRows(tensor("float32", [1, size], data), rows).data as Float32Array;
    const { lower, upper } = ends.get(value)!;
    repeated.set(value, { lower: many(lower), upper: many(upper) });
    if (!bendsAtZero) continue;
    const names = chosen(value);
    for (const name of [names.share, names.push])
      spread[name] = tensor("float32", [n, ...shape], new Float32Array(n * size));
  }
  for (const [at, { value, element }] of neurons.entries()) {
    const { lower, upper } = repeated.get(value)!;
    const names = chosen(value);
    const [share, push] = [spread[names.share]!.data, spread[names.push]!.data];
    const size = lower.length / n;
    for (const [i, { domain }] of asked.entries()) {
      const place = i * size + element;
      share[place] = domain.shares[at]!;
      push[place] = domain.pushes[at]!;
      if (domain.signs[at] === 1) lower[place] = 0;
      if (domain.signs[at] === -1) upper[place] = 0;
    }
  }
  const many = {
    centre: takeRows(box.centre, rows),
    lower: takeRows(box.lower, rows),
    upper: takeRows(box.upper, rows),
  };
  const width = asked[0]!.row.length;
  const seed = tensor("float32", [n, ...(rowShape ?? [width])], new Float32Array(n * width));
  for (const [i, { row }] of asked.entries()) seed.data.set(row, i * width);
  const all = givenOf(programs.frontiers, many, repeated);
  const inputs: Record<string, Tensor> = { ...all.samples, ...all.rows, ...spread, seed };
  return Object.fromEntries(program.inputs.map((name) => [name, inputs[name]!]));
}

/** Where a line of these slopes, one of several, is least over a box. */
function lowestOf({ data }: FloatTensor, { lower, upper }: Box, at: number): Float32Array {
  const from = at * lower.data.length;
  return Float32Array.from(lower.data, (low, i) => (data[from + i]! > 0 ? low : upper.data[i]!));
}

async function improve(given: Given, asked: readonly Asked[], steps: number, late: () => boolean): Promise<Tuned[]> {
  const { neurons, programs } = given;
  const program = await programs.tuning(given.of);
  const size = neurons.length;
  const current = asked.map(({ domain, ...others }) => ({
    ...others,
    domain: { signs: domain.signs, shares: domain.shares.slice(), pushes: domain.pushes.slice() },
  }));
  const best: Tuned[] = asked.map(({ domain }) => ({
    bound: Number.NEGATIVE_INFINITY,
    domain,
    scores: new Float32Array(),
    lowest: given.box.centre.data as Float32Array,
  }));
  const moments = Array.from({ length: 4 }, () => new Float32Array(asked.length * size));
  const [shareMean, shareSquare, pushMean, pushSquare] = moments as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  for (let step = 1; ; step++) {
    const results = await program.run(inputsOf(given, program, current));
    const bounds = results["bound"]!.data as Float64Array;
    for (const [i, { domain }] of current.entries()) {
      if (!(bounds[i]! > best[i]!.bound)) continue;
      const kept = { signs: domain.signs, shares: domain.shares.slice(), pushes: domain.pushes.slice() };
      best[i] = {
        bound: bounds[i]!,
        domain: kept,
        scores: scoresOf(given, results, domain, i),
        lowest: lowestOf(results["slope"] as FloatTensor, given.box, i),
      };
    }
    if (step > steps || late() || best.every(({ bound }, i) => bound > asked[i]!.limit)) return best;
    const decay = RATE.decay ** (step - 1);
    const move = (mean: Float32Array, square: Float32Array, at: number, g: number, rate: number): number => {
      mean[at] = β1 * mean[at]! + (1 - β1) * g;
      square[at] = β2 * square[at]! + (1 - β2) * g * g;
      const root = Math.sqrt(square[at]! / (1 - β2 ** step));
      return root > 0 ? (rate * decay * mean[at]!) / (1 - β1 ** step) / root : 0;
    };
    for (const [k, { value, element }] of neurons.entries()) {
      const names = advised(value);
      // What is not on a way to the value has no gradient.
      if (!results[names.share]) continue;
      const [byShare, byPush] = [results[names.share]!.data, results[names.push]!.data];
      const width = byShare.length / asked.length;
      for (const [i, { domain }] of current.entries()) {
        const [from, at] = [i * width + element, i * size + k];
        const sign = domain.signs[k]!;
        if (sign === 0) {
          const moved = domain.shares[k]! + move(shareMean, shareSquare, at, byShare[from] as number, RATE.share);
          domain.shares[k] = Math.min(1, Math.max(0, moved));
        } else {
          const moved = domain.pushes[k]! + move(pushMean, pushSquare, at, byPush[from] as number, RATE.push);
          domain.pushes[k] = sign > 0 ? Math.min(0, moved) : Math.max(0, moved);
        }
      }
    }
  }
}

/** What the line above loses at its worst, and that below: what a known sign would give back at most (BaBSR: Bunel et al. 2020, §5.2, its second term). */
function scoresOf({ neurons }: Given, results: Record<string, Tensor>, domain: Domain, i: number): Float32Array {
  return Float32Array.from(neurons, ({ value, element, lower, upper }, k) => {
    if (domain.signs[k] !== 0) return 0;
    const coefficient = results[advised(value).coefficient] as FloatTensor | undefined;
    if (!coefficient) return 0;
    const { data, dims } = coefficient;
    const a = data[i * product(dims.slice(1)) + element]!;
    const α = domain.shares[k]!;
    return a < 0 ? (a * lower * upper) / (upper - lower) : a * Math.min(-α * lower, (1 - α) * upper);
  });
}
