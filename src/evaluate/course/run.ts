import type { Batch, Dataset } from "../../dataset.ts";
import { checkSignal, PerturbError } from "../../errors.ts";
import type { EvaluationResult, SampleRecord } from "../../evaluate.ts";
import type { Model } from "../../model.ts";
import { option } from "../../option.ts";
import { type Certified, certificates } from "../checks/certified.ts";
import { resultOf, type Subject, withWarnings } from "../results/result.ts";
import { addTally, type Tally } from "../results/tally.ts";
import { type BatchPlan, evaluateBatch } from "./batch.ts";
import type { PlanOptions } from "./plan.ts";

/** Who evaluates batches: this thread, or workers. Results do not depend on who. */
export interface Evaluator {
  /** How many batches are worth having in flight. */
  readonly concurrency: number;
  run(batch: Batch): Promise<Tally>;
}

export interface EvaluateOptions extends PlanOptions {
  /** Samples a batch, by default 100. Results do not depend on it. */
  readonly batch?: number;
  readonly limit?: number;
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
      `There is nothing to evaluate: ${data.name} has ${data.size} samples, and ${option("offset", offset)} ${option("limit", limit)} leaves none.`,
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
