import { defineAttack } from "../../attack.ts";
import { checkSignal, PerturbError } from "../../errors.ts";
import { type Model, takeGoal } from "../../model.ts";
import { pixelsOf } from "../../norm.ts";
import { randomFor } from "../../random.ts";
import { product } from "../../tensor.ts";
import { type ImageLayout, imageLayout } from "../steps/image-layout.ts";
import { objective } from "../steps/losses.ts";
import { rowsOf } from "../steps/nearest.ts";
import { type BudgetTask, successOf, sweep } from "../steps/sweep.ts";
import { type Genes, genesOf } from "./one-pixel/genes.ts";

export interface OnePixelOptions {
  /** Candidates of a sample, all of which are asked in each generation. */
  readonly population: number;
  /** Generations after the first, for each ε. */
  readonly generations: number;
  /** F: the share of the difference of two candidates that is added to a third. */
  readonly factor: number;
}

/** Most elements in one call to the model: the population of a large image is asked in parts. */
const CALL = 2 ** 23;

/**
 * The one-pixel attack (Su, Vargas and Sakurai 2019): differential evolution of the places and values of a few pixels,
 * DE/rand/1 without crossover: a mutant of three others, x_r1 + F (x_r2 - x_r3), replaces a candidate where it lowers the
 * probability of the label, or, targeted, raises that of the target. Places begin uniform; values Gaussian, with 128 and 127
 * of 255 for mean and deviation. ⌊ε⌋ pixels change (⌊ε / channels⌋
 * where ε counts elements); [features] are an image of one row, and of what is no picture each element is a pixel. Defaults:
 * the paper's.
 *
 * Differences: it stops where the goal is reached, and not at a probability; a place outside the image is drawn anew and a
 * value outside the bounds is cut, of which the paper says nothing; the logarithms of probabilities are compared, which do
 * not underflow.
 */
export const onePixel = defineAttack<Model, OnePixelOptions>({
  name: "one-pixel",
  title: "one-pixel attack by differential evolution",
  paper: "https://arxiv.org/abs/1710.08864",
  norms: ["l0"],
  aim: "within-epsilon",
  needs: "logits",
  defaults: { population: 400, generations: 100, factor: 0.5 },
  about: {
    population: "candidates of a sample: a query each in every generation",
    generations: "generations after the first, for each ε",
    factor: "share of the difference of two candidates that is added to a third",
  },
  async propose(task, options) {
    checkOptions(options);
    const image = imageFor(task.x.dims.slice(1));
    return sweep(task, async (budget) => {
      const { x, epsilon, model, norm } = budget;
      const candidates = { ...x, data: x.data.slice() };
      const success = new Uint8Array(x.dims[0]!);
      const budgeted = norm.channels === image.channels ? epsilon : epsilon / image.channels;
      const pixels = Math.min(Math.floor(budgeted), image.height * image.width);
      if (pixels === 0) return { candidates, success };
      const genes = genesOf(pixels, image, model.bounds);
      for (const row of success.keys())
        success[row] = await evolve(budget, row, genes, options, rowsOf(candidates)(row));
      return { candidates, success };
    });
  },
});

/** The image that samples of this shape are; of what is none, such as many channels, each element is a pixel, as ε counts it. */
function imageFor(shape: readonly number[]): ImageLayout {
  const image = imageLayout(shape, "one-pixel");
  if (image.channels === 1 || pixelsOf(shape)) return image;
  const width = shape.at(-1)!;
  return { channels: 1, height: product(shape) / width, width, channelStep: 1, rowStep: width, columnStep: 1 };
}

/** Evolves one sample alone, so that no result hangs on the batch; its best candidate into `out`. 1 where the goal is reached. */
async function evolve(
  task: BudgetTask<Model>,
  row: number,
  genes: Genes,
  { population, generations, factor }: OnePixelOptions,
  out: Float32Array,
): Promise<number> {
  const { x, indices, seed, signal } = task;
  const { length } = genes;
  const parents = new Float64Array(population * length);
  const children = new Float64Array(population * length);
  const fitness = new Float64Array(population).fill(Number.NEGATIVE_INFINITY);
  let highest = Number.NEGATIVE_INFINITY;
  let fooled = 0;
  for (let generation = 0; generation <= generations && fooled === 0; generation++) {
    checkSignal(signal);
    const random = randomFor(seed, indices[row]!, 0, generation);
    if (generation === 0) genes.begin(children, random);
    else genes.mutate(children, parents, factor, random);
    const { values, success } = await ask(task, row, genes, children, population);
    // A model that answers nothing, as beyond a budget of queries.
    if (values.every(Number.isNaN)) break;
    for (let i = 0; i < population; i++) {
      const value = values[i]!;
      if (!(value >= fitness[i]!)) continue;
      fitness[i] = value;
      parents.set(children.subarray(i * length, (i + 1) * length), i * length);
      if (success[i]! < fooled || (success[i] === fooled && !(value > highest))) continue;
      fooled = success[i]!;
      highest = value;
      genes.paint(out, rowsOf(x)(row), children, i);
    }
  }
  return fooled;
}

/** Of each candidate of sample `row` the logarithm that evolves, and whether the goal is reached. */
async function ask(
  { model, x, goal, indices, signal }: BudgetTask<Model>,
  row: number,
  { paint }: Genes,
  children: Float64Array,
  population: number,
): Promise<{ values: Float64Array; success: Uint8Array }> {
  const original = rowsOf(x)(row);
  const values = new Float64Array(population);
  const success = new Uint8Array(population);
  const part = Math.max(1, Math.floor(CALL / original.length));
  for (let from = 0; from < population; from += part) {
    checkSignal(signal);
    const count = Math.min(part, population - from);
    const data = new Float32Array(count * original.length);
    const asked = { ...x, dims: [count, ...x.dims.slice(1)], data };
    for (let i = 0; i < count; i++) paint(rowsOf(asked)(i), original, children, from + i);
    const logits = await model.logits(asked, new Int32Array(count).fill(indices[row]!));
    const goals = takeGoal(goal, new Int32Array(count).fill(row));
    values.set(objective(logits, goals, "cross-entropy"), from);
    success.set(successOf(logits, goals), from);
  }
  return { values, success };
}

function checkOptions({ population, generations, factor }: OnePixelOptions): void {
  if (!(Number.isInteger(population) && population >= 4))
    throw new PerturbError("usage", `one-pixel needs a whole population of at least 4 candidates, got ${population}.`);
  if (!(Number.isInteger(generations) && generations >= 0))
    throw new PerturbError("usage", `one-pixel needs a whole number of generations, got ${generations}.`);
  if (!(factor > 0 && factor < Number.POSITIVE_INFINITY))
    throw new PerturbError("usage", `one-pixel needs a positive factor, got ${factor}.`);
}
