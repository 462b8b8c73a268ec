import { checkSignal, PerturbError } from "../../errors.ts";
import type { DifferentiableModel, Goal, Model } from "../../model.ts";
import { l2, type Norm, type NormName } from "../../norm.ts";
import { type Random, randomFor } from "../../random.ts";
import { type FloatTensor, sampleSize } from "../../tensor.ts";
import { firstOrderRises, type Rise } from "./rises.ts";

/** The stream of the random direction, apart from those of attacks. */
const ALONG = 0x616c6f6e;

/** Points that are asked about at a time. */
const BATCH = 100;

export interface AlongOptions {
  /** Whether points are moved into the model's bounds, where lines then bend. By default they are not, as in the paper. */
  readonly clip?: boolean;
  /** The sample's index in the data set, for a model that knows its samples. */
  readonly index?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Logits [k, classes] at x + ε·direction for each of k values of ε, of any sign: what figure 4 of Goodfellow et al. 2015
 * draws. x is one sample [1, ...inputShape], and the direction has as many values. Asks in batches of at most 100.
 * @throws mismatch for another number of samples or values; cancelled
 */
export async function logitsAlong(
  model: Model,
  x: FloatTensor,
  direction: Float32Array,
  epsilons: readonly number[],
  { clip = false, index, signal }: AlongOptions = {},
): Promise<FloatTensor> {
  const size = sampleSize(x);
  if (x.dims[0] !== 1 || direction.length !== size)
    throw new PerturbError(
      "mismatch",
      `Logits along a direction are those of one sample and a direction of as many values; got ${x.dims[0]} samples of ${size} values, and a direction of ${direction.length}.`,
    );
  const { lower, upper } = clip ? model.bounds : { lower: Number.NEGATIVE_INFINITY, upper: Number.POSITIVE_INFINITY };
  const logits = new Float32Array(epsilons.length * model.classes);
  for (let start = 0; start < epsilons.length; start += BATCH) {
    checkSignal(signal);
    const part = epsilons.slice(start, start + BATCH);
    const data = new Float32Array(part.length * size);
    for (const [k, epsilon] of part.entries())
      for (let j = 0; j < size; j++)
        data[k * size + j] = Math.min(upper, Math.max(lower, x.data[j]! + epsilon * direction[j]!));
    const samples = index === undefined ? undefined : new Int32Array(part.length).fill(index);
    const answer = await model.logits({ ...x, dims: [part.length, ...x.dims.slice(1)], data }, samples);
    logits.set(answer.data, start * model.classes);
  }
  return { type: "float32", dims: [epsilons.length, model.classes], data: logits };
}

/** Logits of one sample along two directions of length 1 in the norm, and how far J rises at ε. */
export interface LinearView extends Rise {
  readonly norm: NormName;
  /** From -ε to ε at even distances; the one in the middle is 0. */
  readonly epsilons: readonly number[];
  /** What the two directions are, in words. */
  readonly directions: { readonly gradient: string; readonly random: string };
  /** The logits at each ε along the steepest direction; outside the bounds too. */
  readonly gradient: readonly (readonly number[])[];
  /** The same along a random direction. */
  readonly random: readonly (readonly number[])[];
}

export interface LinearViewOptions {
  /** By default 0. */
  readonly seed?: number;
  /** The sample's index in the data set: with the seed, the key of the random direction. By default 0. */
  readonly index?: number;
  /** How many values of ε: an odd number from 3, by default 41. */
  readonly points?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * How linear the model is around one sample x [1, ...inputShape] (Goodfellow et al. 2015, figure 4 and §3). The steepest
 * direction of the cross-entropy is the sign of its gradient in L∞, the gradient over its length in L2, and the sign of its
 * largest element, alone, in L1; a gradient of zeros has none, and its lines are flat.
 * @throws unsupported for L0 and spatial, which have no directions of a length; usage; cancelled
 */
export async function linearView(
  model: DifferentiableModel,
  x: FloatTensor,
  goal: Goal,
  norm: Norm,
  epsilon: number,
  { seed = 0, index, points = 41, signal }: LinearViewOptions = {},
): Promise<LinearView> {
  const compass = COMPASSES[norm.name];
  if (!compass)
    throw new PerturbError(
      "unsupported",
      `The linear view follows a direction of length ε, which ${norm.name} does not have. Choose linf, l2 or l1.`,
    );
  const epsilons = symmetric(epsilon, points);
  checkSignal(signal);
  const indices = index === undefined ? undefined : Int32Array.of(index);
  const start = await model.gradient(x, goal, "cross-entropy", indices);
  const steepest = compass.steepest(start.gradient.data);
  const random = compass.random(sampleSize(x), randomFor(seed, index ?? 0, ALONG));
  const along = async (direction: Float32Array) =>
    rows(await logitsAlong(model, x, direction, epsilons, { index, signal }));
  const lines = { gradient: await along(steepest), random: await along(random) };
  checkSignal(signal);
  const [rise] = await firstOrderRises({ model, x, goal, start, indices }, norm, epsilon);
  return { norm: norm.name, epsilons, directions: compass.names, ...lines, ...rise! };
}

interface Compass {
  readonly names: LinearView["directions"];
  /** The direction of length 1 in which a loss of this gradient rises the most; zeros where it does not rise. */
  readonly steepest: (gradient: Float32Array) => Float32Array;
  readonly random: (size: number, random: Random) => Float32Array;
}

const COMPASSES: Readonly<Partial<Record<NormName, Compass>>> = {
  linf: {
    names: { gradient: "the sign of the gradient", random: "a random direction" },
    steepest: (g) => g.map((v) => Math.sign(v) || 0),
    random: (size, random) => new Float32Array(size).map(() => randomSign(random)),
  },
  l2: {
    names: { gradient: "the gradient", random: "a random direction" },
    steepest: unit,
    random: (size, random) => unit(new Float32Array(size).map(() => random.normal())),
  },
  l1: {
    names: { gradient: "the largest element of the gradient", random: "a random element" },
    steepest: (g) => {
      const largest = g.reduce((best, v, j) => (Math.abs(v) > Math.abs(g[best]!) ? j : best), 0);
      return single(g.length, largest, Math.sign(g[largest]!) || 0);
    },
    random: (size, random) => single(size, random.integer(size), randomSign(random)),
  },
};

const randomSign = (random: Random): number => (random.uint32() & 1 ? 1 : -1);

function unit(v: Float32Array): Float32Array {
  const length = l2.length(v);
  return length > 0 ? v.map((w) => w / length) : new Float32Array(v.length);
}

function single(size: number, at: number, value: number): Float32Array {
  const v = new Float32Array(size);
  v[at] = value;
  return v;
}

/** @throws usage */
function symmetric(epsilon: number, points: number): number[] {
  if (!(epsilon > 0 && Number.isFinite(epsilon)))
    throw new PerturbError("usage", `The linear view reaches from -ε to ε, which must be above 0; got ${epsilon}.`);
  if (!(Number.isSafeInteger(points) && points >= 3 && points % 2 === 1))
    throw new PerturbError("usage", `The linear view takes an odd number of points from 3, got ${points}.`);
  const half = (points - 1) / 2;
  return Array.from({ length: points }, (_, i) => epsilon * ((i - half) / half));
}

const rows = ({ data, dims: [n, classes] }: FloatTensor): number[][] =>
  Array.from({ length: n! }, (_, i) => [...data.subarray(i * classes!, (i + 1) * classes!)]);
