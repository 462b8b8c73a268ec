import type { AnyAttack } from "../attack.ts";
import type { Batch, Dataset } from "../dataset.ts";
import { checkSignal, PerturbError } from "../errors.ts";
import type { Evaluation, EvaluationResult, Linearity, Warning } from "../evaluate.ts";
import type { DifferentiableModel, Model } from "../model.ts";
import type { NormName } from "../norm.ts";
import { type BatchPlan, evaluateBatch } from "./batch.ts";
import { warningsOf } from "./checks.ts";
import { accuracyOf } from "./statistics.ts";
import { addTally, type LinearityTally, type PointTally, type Shown, type Tally } from "./tally.ts";

/** Who evaluates batches: this thread, or workers. Results do not depend on who. */
export interface Evaluator {
  /** How many batches are worth having in flight. */
  readonly concurrency: number;
  run(batch: Batch): Promise<Tally>;
}

export interface EvaluateOptions {
  readonly attacks: readonly AnyAttack<DifferentiableModel>[];
  /** Options of each attack, by its name; by default its own. */
  readonly options?: ReadonlyMap<string, object>;
  /** By default linf. */
  readonly norm?: NormName;
  /** Budgets, rising, in pixel units. */
  readonly epsilons: readonly number[];
  /** The class aimed at; by default any wrong class will do. */
  readonly target?: number | null;
  /** Samples a batch, by default 100. Results do not depend on it. */
  readonly batch?: number;
  /** By default 0. */
  readonly seed?: number;
  readonly offset?: number;
  readonly limit?: number;
  readonly signal?: AbortSignal;
  /** Called after every batch. */
  readonly onProgress?: (progress: Progress) => void;
}

export interface Progress {
  readonly done: number;
  readonly total: number;
  readonly correct: number;
}

/** What the report says of a model and of who ran it. */
export interface Subject {
  readonly model: Evaluation["model"];
  readonly runtime: Evaluation["runtime"];
  readonly version: string;
  /** How many nodes of the model round to integers and pass the gradient straight through; by default none. */
  readonly straightThrough?: number;
}

export const DEFAULT_BATCH = 100;

/** The options as a plan for each batch. @throws usage, unsupported for what cannot be */
export function planOf(options: EvaluateOptions, model: Pick<Model, "name" | "classes">): BatchPlan {
  const { attacks, norm = "linf", epsilons, target = null, seed = 0, offset = 0 } = options;
  if (attacks.length === 0) throw new PerturbError("usage", "No attack was chosen. Give at least one.");
  checkEpsilons(epsilons);
  for (const attack of attacks)
    if (!attack.norms.includes(norm))
      throw new PerturbError("usage", `${attack.name} has no ${norm} version. It knows ${attack.norms.join(", ")}.`);
  if (target !== null && !(Number.isInteger(target) && target >= 0 && target < model.classes))
    throw new PerturbError(
      "usage",
      `The target class ${target} is not one of ${model.name}, which has classes 0 to ${model.classes - 1}.`,
    );
  if (!Number.isSafeInteger(seed))
    throw new PerturbError("usage", `The seed must be a whole number below 2^53, got ${seed}.`);
  return {
    attacks: attacks.map((attack) => ({
      attack,
      options: { ...attack.defaults, ...options.options?.get(attack.name) },
    })),
    norm,
    epsilons,
    target,
    seed,
    offset,
  };
}

/** @throws usage for budgets that are negative, not numbers, not rising, or none */
export function checkEpsilons(epsilons: readonly number[]): void {
  if (epsilons.length === 0) throw new PerturbError("usage", "No ε was given. Give at least one, such as --eps 8/255.");
  for (const [i, epsilon] of epsilons.entries()) {
    if (!Number.isFinite(epsilon) || epsilon < 0)
      throw new PerturbError("usage", `ε must be a number of at least 0, got ${epsilon}.`);
    if (i > 0 && epsilon <= epsilons[i - 1]!)
      throw new PerturbError(
        "usage",
        `The ε must rise, and ${epsilon} follows ${epsilons[i - 1]}. Give them in order, each once.`,
      );
  }
}

/** Evaluates in this thread. */
export function localEvaluator(model: DifferentiableModel, plan: BatchPlan, signal?: AbortSignal): Evaluator {
  return { concurrency: 1, run: (batch) => evaluateBatch(model, batch, plan, signal) };
}

/**
 * Clean accuracy, and accuracy under each attack at each ε, over `data`; only samples that are right when clean are
 * attacked, and one that is wrong stays wrong. @throws whatever the data set or the model throws; cancelled
 */
export async function evaluate(
  subject: Subject,
  data: Dataset,
  plan: BatchPlan,
  evaluator: Evaluator,
  options: EvaluateOptions,
): Promise<EvaluationResult> {
  const began = new Date();
  const start = performance.now();
  const { offset = 0, limit = data.size, signal, onProgress } = options;
  const batch = options.batch ?? DEFAULT_BATCH;
  const total = Math.max(0, Math.min(data.size - offset, limit));
  if (total === 0)
    throw new PerturbError(
      "usage",
      `There is nothing to evaluate: ${data.name} has ${data.size} samples, and --offset ${offset} --limit ${limit} leaves none.`,
    );

  let sum: Tally | undefined;
  const add = (tally: Tally): void => {
    if (sum) addTally(sum, tally);
    else sum = tally;
    onProgress?.({ done: sum.total, total, correct: sum.correct });
  };
  const inFlight: Promise<Tally>[] = [];
  try {
    for await (const samples of data.batches({ batch, offset, limit, signal })) {
      checkSignal(signal);
      const running = evaluator.run(samples);
      // Awaited in order below; a failure in between must not count as unhandled.
      running.catch(() => undefined);
      inFlight.push(running);
      if (inFlight.length >= evaluator.concurrency) add(await inFlight.shift()!);
    }
    for (const running of inFlight.splice(0)) add(await running);
    checkSignal(signal);
  } finally {
    await Promise.allSettled(inFlight);
  }
  const seconds = (performance.now() - start) / 1000;
  return resultOf(subject, data, plan, { batch, offset }, sum!, { began, seconds });
}

function resultOf(
  subject: Subject,
  data: Dataset,
  plan: BatchPlan,
  { batch, offset }: { batch: number; offset: number },
  tally: Tally,
  { began, seconds }: { began: Date; seconds: number },
): EvaluationResult {
  const { classes } = subject.model;
  const { total } = tally;
  const points = tally.points.map((point, i) => ({
    attack: plan.attacks[Math.floor(i / plan.epsilons.length)]!.attack.name,
    norm: plan.norm,
    epsilon: plan.epsilons[i % plan.epsilons.length]!,
    ...accuracyOf(point.correct, total),
    attacked: point.attacked,
    fooled: point.fooled,
    fooledConfidence: point.fooled === 0 ? null : point.confidence / point.fooled,
    largestDistance: point.largestDistance,
    confusion: matrix(point.confusion, classes),
    examples: point.examples.map(withoutPixels),
  }));
  const evaluation: Evaluation = {
    schema: 1,
    tool: { name: "perturb", version: subject.version },
    date: began.toISOString(),
    model: subject.model,
    data: { name: data.name, offset, total, ...(data.classNames && { classNames: data.classNames }) },
    options: {
      attacks: plan.attacks.map(({ attack }) => attack.name),
      norm: plan.norm,
      epsilons: plan.epsilons,
      target: plan.target,
      batch,
      seed: plan.seed,
    },
    runtime: subject.runtime,
    clean: { ...accuracyOf(tally.correct, total), confusion: matrix(tally.confusion, classes) },
    points,
    linearity: tally.linearity && linearityOf(tally.linearity, plan.epsilons),
    warnings: [],
    cost: { seconds, forwards: tally.forwards, gradients: tally.gradients, samplesPerSecond: total / seconds },
  };
  const warnings: readonly Warning[] = warningsOf(evaluation, tally, subject.straightThrough);
  return {
    evaluation: { ...evaluation, warnings },
    pictures: tally.points.map((point: PointTally) => point.examples),
    cleanExamples: tally.cleanExamples,
  };
}

const matrix = (counts: Int32Array, classes: number): number[][] =>
  Array.from({ length: classes }, (_, label) => Array.from(counts.subarray(label * classes, (label + 1) * classes)));

const withoutPixels = ({ index, label, prediction, confidence }: Shown) => ({ index, label, prediction, confidence });

/** Sums to means; null where a loss was infinite, of which no mean says anything. */
function linearityOf({ samples, points, dimensions }: LinearityTally, epsilons: readonly number[]): Linearity | null {
  if (![...points, ...dimensions].flatMap((entry) => Object.values(entry)).every(Number.isFinite)) return null;
  const smallest = epsilons.find((epsilon) => epsilon > 0) ?? 0;
  return {
    samples,
    points: points.map((p, i) => ({
      epsilon: epsilons[i]!,
      predicted: p.predicted / samples,
      predictedClipped: p.predictedClipped / samples,
      measured: p.measured / samples,
    })),
    dimensions: dimensions.map((d) => ({
      dimensions: d.dimensions,
      epsilon: smallest,
      predicted: d.predicted / samples,
      measured: d.measured / samples,
      random: d.random / samples,
    })),
  };
}
