import { type AttackTask, defineAttack, type Examples } from "../../attack.ts";
import { checkCount, checkSignal, PerturbError } from "../../errors.ts";
import { checkLength, type Length, lengthAt } from "../../length.ts";
import { type DifferentiableModel, type Goal, take } from "../../model.ts";
import type { Box } from "../../norm.ts";
import { randomFor } from "../../random.ts";
import { type FloatTensor, sampleSize, takeRows } from "../../tensor.ts";

export interface UniversalOptions {
  readonly steps: number;
  /** Examples that one step is the mean of: each in its turn, in another order on each pass. */
  readonly batch: number;
  /** Length of the first step; it falls to nothing in a straight line. */
  readonly stepSize: Length;
  /** β, in units of log(classes), the loss of a guess: an example whose loss is above it is no longer pushed. Untargeted alone. */
  readonly clip: number;
}

/**
 * A universal perturbation (Moosavi-Dezfooli et al. 2017): one δ that is added to every sample, learned from examples, by the
 * stochastic gradient method of Shafahi et al. 2020 (https://arxiv.org/abs/1811.11304): projected steps on δ that raise the
 * mean over the examples of the cross-entropy, clipped at β, so that those which are lost already do not outweigh the others.
 *
 * It is learned once for each ε, and each target, and is the same for all samples and batches. All queries are for the
 * examples, which are best none of the samples attacked.
 *
 * Differences: steps are those of PGD, and get shorter; δ acts through the bounds, and an element that is held at a bound
 * counts only where its gradient leads back inside; targeted goals have a δ for each target, of unclipped loss.
 */
export const universal = defineAttack<DifferentiableModel, UniversalOptions>({
  name: "universal",
  title: "one perturbation for all samples",
  paper: "https://arxiv.org/abs/1610.08401",
  norms: ["linf", "l2", "l1"],
  aim: "within-epsilon",
  needs: "gradient",
  also: "examples",
  defaults: { steps: 200, batch: 50, stepSize: "0.3eps", clip: 1 },
  about: {
    steps: "gradient steps",
    batch: "examples that a step is the mean of",
    stepSize: { length: "of the first step; it falls to nothing in a straight line" },
    clip: "an example is no longer pushed above this loss, in units of log(classes) (untargeted only)",
  },
  async propose(task, options) {
    checkOptions(options);
    const { model, x, goal, norm, epsilons, wanted } = task;
    const examples = examplesOf(task);
    const size = sampleSize(x);
    const results: FloatTensor[] = [];
    for (const [k, epsilon] of epsilons.entries()) {
      const data = x.data.slice();
      for (const [row] of task.indices.entries()) {
        if (epsilon === 0 || (wanted && k >= wanted[row]!)) continue;
        const target = goal.kind === "targeted" ? goal.targets[row]! : null;
        const delta = await remembered(task, examples, { ...options, epsilon, target });
        const out = data.subarray(row * size, (row + 1) * size);
        for (let j = 0; j < size; j++) out[j] = out[j]! + delta[j]!;
        norm.project(out, x.data.subarray(row * size, (row + 1) * size), epsilon, model.bounds);
      }
      results.push({ type: "float32", dims: x.dims, data });
    }
    return results;
  },
});

interface Lesson extends UniversalOptions {
  readonly epsilon: number;
  readonly target: number | null;
}

interface Learned {
  readonly delta: Float32Array;
  /** Whether a query for an example was not answered, so that another batch may learn more. */
  readonly starved: boolean;
}

/** What was learned of a model from examples, by the words of the lesson. */
const memory = new WeakMap<Examples, WeakMap<object, Map<string, Promise<Learned>>>>();

/** δ, learned where it is not known. A lesson that failed, or that a budget cut short, is not remembered. */
async function remembered(
  task: AttackTask<DifferentiableModel>,
  examples: Examples,
  lesson: Lesson,
): Promise<Float32Array> {
  const { model, norm, seed } = task;
  // Each batch is given a wrapper of its own around the same model.
  const models = memory.get(examples) ?? new WeakMap<object, Map<string, Promise<Learned>>>();
  memory.set(examples, models);
  const lessons = models.get(model.origin ?? model) ?? new Map<string, Promise<Learned>>();
  models.set(model.origin ?? model, lessons);
  const key = JSON.stringify([norm.name, seed, lesson]);
  const learning = lessons.get(key) ?? learn(task, examples, lesson);
  lessons.set(key, learning);
  try {
    const { delta, starved } = await learning;
    if (starved) lessons.delete(key);
    return delta;
  } catch (error) {
    lessons.delete(key);
    throw error;
  }
}

async function learn(
  { model, norm, seed, signal }: AttackTask<DifferentiableModel>,
  examples: Examples,
  { steps, batch, stepSize, clip, epsilon, target }: Lesson,
): Promise<Learned> {
  const size = sampleSize(examples.x);
  const pushed = [...examples.labels.keys()].filter((i) => examples.labels[i] !== target);
  const span = model.bounds.upper - model.bounds.lower;
  const box: Box = { lower: -span, upper: span };
  const still = new Float32Array(size);
  let delta = new Float32Array(size);
  let next = new Float32Array(size);
  let starved = false;
  const beta = target === null ? clip * Math.log(model.classes) : Number.POSITIVE_INFINITY;
  let order: readonly number[] = [];
  // A whole pass without an answer: nothing more is to be learned.
  for (let t = 0, pass = 0, silent = 0; t < steps && silent < pushed.length; t++) {
    checkSignal(signal);
    if (order.length === 0) order = shuffled(pushed, examples.indices, seed, pass++);
    const rows = order.slice(0, batch);
    order = order.slice(batch);
    const x = takeRows(examples.x, rows);
    const points = shifted(x, delta, model.bounds);
    const goal = goalOf(take(examples.labels, rows), target);
    const { loss, gradient } = await model.gradient(points, goal, "cross-entropy", take(examples.indices, rows));
    if (loss.data.some(Number.isNaN)) starved = true;
    silent = loss.data.every(Number.isNaN) ? silent + rows.length : 0;
    const counts = Array.from(loss.data, (value) => value < beta);
    const direction = slope(x, delta, gradient, counts, model.bounds);
    norm.ascend(next, delta, direction, lengthAt(stepSize, epsilon) * (1 - t / steps), box);
    norm.project(next, still, epsilon, box);
    [delta, next] = [next, delta];
  }
  return { delta, starved };
}

/** x + δ for each sample, moved into the bounds. */
function shifted(x: FloatTensor, delta: Float32Array, { lower, upper }: Box): FloatTensor {
  const data = new Float32Array(x.data.length);
  for (let at = 0; at < data.length; at += delta.length)
    for (let j = 0; j < delta.length; j++) {
      const v = x.data[at + j]! + delta[j]!;
      data[at + j] = v < lower ? lower : v > upper ? upper : v;
    }
  return { ...x, data };
}

/** The mean of the gradients that count, of what δ can still change: an element held at a bound only if it is led back inside. */
function slope(
  x: FloatTensor,
  delta: Float32Array,
  { data }: FloatTensor,
  counts: readonly boolean[],
  { lower, upper }: Box,
): Float32Array {
  const size = delta.length;
  const mean = new Float64Array(size);
  for (let i = 0; i < counts.length; i++) {
    if (!counts[i]) continue;
    for (let j = 0; j < size; j++) {
      const g = data[i * size + j]!;
      const v = x.data[i * size + j]! + delta[j]!;
      if ((v < lower && g < 0) || (v > upper && g > 0) || !Number.isFinite(g)) continue;
      mean[j]! += g / counts.length;
    }
  }
  return Float32Array.from(mean);
}

/** In an order of its own for each pass, which the place of an example among the others has no part in. */
function shuffled(rows: readonly number[], indices: Int32Array, seed: number, pass: number): number[] {
  const keys = new Map(rows.map((row) => [row, randomFor(seed, indices[row]!, SHUFFLE, pass).uint32()]));
  return rows.toSorted((a, b) => keys.get(a)! - keys.get(b)! || indices[a]! - indices[b]!);
}

/** The stream of the order of examples, apart from those of samples. */
const SHUFFLE = 0x756e69;

const goalOf = (labels: Int32Array, target: number | null): Goal =>
  target === null
    ? { kind: "untargeted", labels }
    : { kind: "targeted", labels, targets: new Int32Array(labels.length).fill(target) };

/** @throws usage where there are none; mismatch for samples of another shape */
function examplesOf({ model, examples }: AttackTask<DifferentiableModel>): Examples {
  if (!examples || examples.labels.length === 0)
    throw new PerturbError(
      "usage",
      "universal learns its perturbation from examples. Give some, best none of the samples that are attacked.",
    );
  const shape = examples.x.dims.slice(1);
  if (String(shape) !== String(model.inputShape))
    throw new PerturbError(
      "mismatch",
      `The examples have shape [${shape}], and ${model.name} takes [${model.inputShape}]. Take examples of the same data.`,
    );
  return examples;
}

function checkOptions({ steps, batch, stepSize, clip }: UniversalOptions): void {
  for (const [name, value] of Object.entries({ steps, batch })) checkCount(name, value);
  checkLength("stepSize", stepSize);
  if (!(clip > 0)) throw new PerturbError("usage", `clip must be above 0, got ${clip}.`);
}
