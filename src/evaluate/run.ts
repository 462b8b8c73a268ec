import type { AnyAttack, Examples } from "../attack.ts";
import type { Batch, Dataset } from "../dataset.ts";
import { checkCount, checkSignal, PerturbError } from "../errors.ts";
import type { EvaluationResult, SampleRecord } from "../evaluate.ts";
import { checkLevels } from "../grid.ts";
import type { DifferentiableModel, Model } from "../model.ts";
import type { NormName } from "../norm.ts";
import { type BatchPlan, evaluateBatch } from "./batch.ts";
import type { Entry } from "./cascade.ts";
import { type Certified, certificates } from "./certified.ts";
import { resultOf, type Subject, withWarnings } from "./result.ts";
import { addTally, type Tally } from "./tally.ts";

/** Who evaluates batches: this thread, or workers. Results do not depend on who. */
export interface Evaluator {
  /** How many batches are worth having in flight. */
  readonly concurrency: number;
  run(batch: Batch): Promise<Tally>;
}

export interface EvaluateOptions {
  /** Each sample meets them in this order until it falls. */
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
  /** Draws of a randomised model that its gradients and logits are averaged over, by default 1 (expectation over transformation). */
  readonly eot?: number;
  /** The number of evenly spaced values that an element may take, such as 256 for 8-bit images; by default any will do. */
  readonly levels?: number | null;
  /** Questions that each attack may ask about a sample, over all ε; a gradient counts as one. By default no limit. */
  readonly maxQueries?: number | null;
  /** The model that transfer attacks work on. */
  readonly surrogate?: DifferentiableModel | undefined;
  /** Samples that attacks may learn from: see `examplesFor`. */
  readonly examples?: Examples | undefined;
  /** Radii within which samples are certified, in the same norm: an attack that breaks one inside is a contradiction. */
  readonly certified?: Certified;
  /** Whether the model is asked once more in the end, to check the evaluation itself: see `followUp`. By default it is. */
  readonly followUp?: boolean;
  readonly signal?: AbortSignal;
  /** Called after every batch. */
  readonly onProgress?: (progress: Progress) => void;
  /** Gets the record of each sample, batch by batch, in order. */
  readonly onRecords?: (records: readonly SampleRecord[]) => void | Promise<void>;
  /** Where the work is kept, and what of it is done already. */
  readonly journal?: Journal;
}

/** Keeps the tallies of an evaluation, so that one that was ended can go on. */
export interface Journal {
  /** When the evaluation began. */
  readonly began: Date;
  /** Seconds of work behind the tallies that were given as done. */
  readonly seconds: number;
  /** The tallies that are kept, in order. */
  done(): AsyncIterable<Tally>;
  /** Keeps the tally of the next batch. */
  keep(tally: Tally): Promise<void>;
}

export interface Progress {
  readonly done: number;
  readonly total: number;
  readonly correct: number;
  /** The result of the samples that are done, without the checks that follow an evaluation. */
  readonly soFar: () => EvaluationResult;
}

export const DEFAULT_BATCH = 100;

/** How many samples of the data set, from its first on, attacks may learn from. */
const EXAMPLES = 256;

/**
 * The samples that attacks may learn from: the first of the data set, whatever part of it is evaluated, so that no result
 * depends on how the work is cut up. None where no attack asks for them.
 */
export async function examplesFor(
  attacks: readonly AnyAttack<DifferentiableModel>[],
  data: Dataset,
): Promise<Examples | undefined> {
  if (!attacks.some(({ also, learns }) => also === "examples" || learns)) return undefined;
  // Numbered below zero: what is asked about an example is charged to no sample.
  for await (const { x, labels, indices } of data.batches({ batch: EXAMPLES, limit: EXAMPLES }))
    return { x, labels, indices: indices.map((index) => -1 - index) };
  return undefined;
}

/** The options as a plan for each batch. @throws usage, unsupported for what cannot be */
export function planOf(options: EvaluateOptions, model: Pick<Model, "name" | "classes">): BatchPlan {
  const { attacks, norm = "linf", epsilons, target = null, seed = 0, offset = 0 } = options;
  const { eot = 1, levels = null, maxQueries = null, examples } = options;
  if (attacks.length === 0) throw new PerturbError("usage", "No attack was chosen. Give at least one.");
  checkEpsilons(epsilons);
  const twice = attacks.find((attack, i) => attacks.indexOf(attack) < i);
  if (twice) throw new PerturbError("usage", `${twice.name} is named twice. Name each attack once.`);
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
  checkCount("the number of draws (--eot)", eot);
  if (maxQueries !== null) checkCount("the number of queries (--max-queries)", maxQueries);
  if (levels !== null) checkLevels(levels);
  const entries = attacks.flatMap((attack, series) => entriesOf(attack, series, norm, options.options));
  for (const { attack } of entries)
    if (attack.also === "surrogate" && !options.surrogate)
      throw new PerturbError("usage", `${attack.name} works on another model. Name it with --surrogate.`);
  return {
    attacks: entries,
    series: attacks.map(({ name }) => name),
    norm,
    epsilons,
    target,
    seed,
    offset,
    eot,
    levels,
    maxQueries,
    examples,
  };
}

/** An attack, or the members of an ensemble, with their options. */
function entriesOf(
  attack: AnyAttack<DifferentiableModel>,
  series: number,
  norm: NormName,
  options: EvaluateOptions["options"],
): Entry[] {
  const given = options?.get(attack.name);
  const members = attack.members?.(norm) ?? [{ attack, options: { ...attack.defaults, ...given } }];
  return members.map((member) => ({ ...member, series }));
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
export function localEvaluator(
  model: Model,
  plan: BatchPlan,
  context: { readonly surrogate?: Model | undefined; readonly signal?: AbortSignal | undefined } = {},
): Evaluator {
  return { concurrency: 1, run: (batch) => evaluateBatch(model, batch, plan, context) };
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
  const began = options.journal?.began ?? new Date();
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
  const surrogate = options.surrogate?.name ?? null;
  const resultUpTo = (tally: Tally): EvaluationResult => {
    const seconds = (options.journal?.seconds ?? 0) + (performance.now() - start) / 1000;
    return resultOf(subject, data, plan, { batch, offset, surrogate }, tally, { began, seconds });
  };
  const proofs = certificates(options.certified ?? new Map(), plan.norm);
  const add = async (tally: Tally): Promise<void> => {
    proofs.hear(tally.records);
    await options.onRecords?.(tally.records.splice(0));
    if (sum) addTally(sum, tally);
    else sum = tally;
    onProgress?.({ done: sum.total, total, correct: sum.correct, soFar: () => resultUpTo(sum!) });
  };
  const finish = async (tally: Tally): Promise<void> => {
    await options.journal?.keep(tally);
    await add(tally);
  };
  for await (const tally of options.journal?.done() ?? []) await add(tally);
  const done = sum?.total ?? 0;

  const inFlight: Promise<Tally>[] = [];
  try {
    if (!(done >= total))
      for await (const samples of data.batches({ batch, offset: offset + done, limit: total - done, signal })) {
        checkSignal(signal);
        const running = evaluator.run(samples);
        // Awaited in order below; a failure in between must not count as unhandled.
        running.catch(() => undefined);
        inFlight.push(running);
        if (inFlight.length >= evaluator.concurrency) await finish(await inFlight.shift()!);
      }
    for (const running of inFlight.splice(0)) await finish(await running);
    checkSignal(signal);
  } finally {
    await Promise.allSettled(inFlight);
  }
  const result = resultUpTo(sum!);
  const contradiction = proofs.warning();
  return contradiction ? withWarnings(result, [contradiction]) : result;
}
