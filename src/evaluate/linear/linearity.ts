import type { Goal, Gradient, Model } from "../../model.ts";
import type { Norm } from "../../norm.ts";
import { type Random, randomFor } from "../../random.ts";
import { type FloatTensor, product } from "../../tensor.ts";
import { exact } from "../results/statistics.ts";
import type { LinearityTally } from "../results/tally.ts";
import { eachSample, firstOrderRises, objective, row } from "./rises.ts";

/** How many samples the linear view is measured on. */
export const LINEARITY_SAMPLES = 100;

/** The stream of the random signs, apart from those of attacks. */
const SIGNS = 0x5167;

interface Subject {
  readonly model: Model;
  readonly x: FloatTensor;
  readonly goal: Goal;
  /** At x. */
  readonly start: Gradient;
  readonly indices: Int32Array;
  readonly seed: number;
}

/**
 * Sums of the first-order prediction of J's rise and of the rise measured, for each ε, and for perturbations that are
 * constant on blocks of pixels, which leaves them fewer free dimensions (Goodfellow et al. 2015, §3).
 */
export async function measureLinearity(
  subject: Subject,
  norm: Norm,
  epsilons: readonly number[],
): Promise<LinearityTally> {
  const { gradient, logits } = subject.start;
  const base = objective(logits, subject.goal);
  const points: LinearityTally["points"] = [];
  for (const epsilon of epsilons) {
    const point = { predicted: 0, predictedClipped: 0, measured: 0 };
    for (const rise of await firstOrderRises(subject, norm, epsilon)) {
      point.predicted += exact(rise.predicted);
      point.predictedClipped += exact(rise.predictedClipped);
      point.measured += exact(rise.measured);
    }
    points.push(point);
  }
  const smallest = epsilons.find((epsilon) => epsilon > 0);
  const dimensions =
    norm.name === "linf" && smallest !== undefined ? await measureDimensions(subject, gradient, base, smallest) : [];
  return { samples: base.length, points, dimensions };
}

async function measureDimensions(
  { model, x, goal, indices, seed }: Subject,
  gradient: FloatTensor,
  base: Float64Array,
  epsilon: number,
) {
  const n = x.dims[0]!;
  const { lower, upper } = model.bounds;
  const step = (direction: FloatTensor): FloatTensor => {
    const data = new Float32Array(x.data.length);
    for (let i = 0; i < data.length; i++)
      data[i] = Math.min(upper, Math.max(lower, x.data[i]! + epsilon * direction.data[i]!));
    return { ...x, data };
  };
  const rise = async (direction: FloatTensor): Promise<number> => {
    const after = objective(await model.logits(step(direction), indices), goal);
    return after.reduce((sum, value, i) => sum + exact(value - base[i]!), 0);
  };
  const results: LinearityTally["dimensions"] = [];
  for (const blocks of blockings(x.dims.slice(1))) {
    const summed = eachSample(x, gradient, (out, _, g) => sumBlocks(out, g, blocks));
    const signs = { ...x, data: summed.data.map(Math.sign) };
    const random = eachSample(x, x, (out, _pixels, _g, i) =>
      randomSigns(out, blocks, randomFor(seed, indices[i]!, SIGNS)),
    );
    let predicted = 0;
    for (let i = 0; i < n; i++) predicted += exact(epsilon * blockLength(row(summed, i), blocks));
    results.push({
      dimensions: blocks.sizes.length,
      predicted,
      measured: await rise(signs),
      random: await rise(random),
    });
  }
  return results;
}

/** Which block each pixel belongs to, and how many pixels each block has. */
interface Blocks {
  readonly of: Uint32Array;
  readonly sizes: readonly number[];
}

/** Square blocks of falling size for [c, h, w], runs for [features]; none for other shapes. */
function* blockings(shape: readonly number[]): Generator<Blocks> {
  const [channels, height, width] =
    shape.length === 1 ? [1, 1, shape[0]!] : shape.length === 3 ? (shape as [number, number, number]) : [0, 0, 0];
  if (channels === 0) return;
  const common = height === 1 ? width : greatestDivisor(height, width);
  const sides = Array.from({ length: common }, (_, i) => common - i).filter((side) => common % side === 0);
  for (const side of evenly(sides, 8)) {
    const tall = Math.min(side, height);
    const perRow = width / side;
    const perChannel = perRow * (height / tall);
    const of = Uint32Array.from({ length: product(shape) }, (_, p) => {
      const [c, rest] = [Math.floor(p / (height * width)), p % (height * width)];
      return c * perChannel + Math.floor(Math.floor(rest / width) / tall) * perRow + Math.floor((rest % width) / side);
    });
    yield { of, sizes: new Array<number>(channels * perChannel).fill(side * tall) };
  }
}

const greatestDivisor = (a: number, b: number): number => (b === 0 ? a : greatestDivisor(b, a % b));

/** At most `count` of the values, the first and the last among them. */
const evenly = (values: readonly number[], count: number): number[] =>
  values.length <= count
    ? [...values]
    : Array.from({ length: count }, (_, i) => values[Math.round((i * (values.length - 1)) / (count - 1))]!);

/** On every pixel, the sum of the gradient over its block. */
function sumBlocks(out: Float32Array, g: Float32Array, { of, sizes }: Blocks): void {
  const sums = new Float64Array(sizes.length);
  for (let j = 0; j < g.length; j++) sums[of[j]!]! += g[j]!;
  for (let j = 0; j < g.length; j++) out[j] = sums[of[j]!]!;
}

/** Σ |sum of a block|: each stands on all pixels of its block, so it is shared among them. */
function blockLength(summed: Float32Array, { of, sizes }: Blocks): number {
  let length = 0;
  for (let j = 0; j < summed.length; j++) length += Math.abs(summed[j]!) / sizes[of[j]!]!;
  return length;
}

/** On every pixel, the random sign of its block. */
function randomSigns(out: Float32Array, { of, sizes }: Blocks, random: Random): void {
  const words = Uint32Array.from({ length: Math.ceil(sizes.length / 32) }, () => random.uint32());
  for (let j = 0; j < out.length; j++) out[j] = (words[of[j]! >>> 5]! >>> (of[j]! & 31)) & 1 ? 1 : -1;
}
