import type { Batch, Dataset } from "../../dataset.ts";
import { checkSignal } from "../../errors.ts";
import type { EvaluationResult, SampleRecord } from "../../evaluate.ts";
import { type Certified, certificates } from "../checks/certified.ts";
import type { Evaluator } from "../place.ts";
import type { GateAsked } from "../results/gates.ts";
import { resultOf, type Subject, withWarnings } from "../results/result.ts";
import { addTally, type Tally } from "../results/tally.ts";
import type { Places } from "../shard.ts";
import type { OpenState } from "../state.ts";
import { intervalOf, LOOK, nextLook, untilWarnings, widest } from "../until.ts";
import type { BatchPlan } from "./batch.ts";

/** One evaluation, with all that it needs. */
export interface Course {
  readonly subject: Subject;
  readonly data: Dataset;
  readonly plan: BatchPlan;
  readonly evaluator: Evaluator;
  /** Samples at a time. */
  readonly batch: number;
  /** Those that are worked on: all, but in a shard. */
  readonly places: Places;
  /** The name of the model that transfer attacks work on. */
  readonly surrogate: string | null;
  readonly certified?: Certified | undefined;
  /** Accuracies that are asked for. */
  readonly gates: readonly GateAsked[];
  /** Ends before all samples are done, once every interval is so long: half of its length, as a share. */
  readonly until?: number | undefined;
  readonly state?: OpenState | undefined;
  /** Gets the record of each sample, batch by batch, in order. */
  readonly onRecords: (records: readonly SampleRecord[]) => void | Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

export interface Progress {
  readonly done: number;
  /** At most: a run with `until` may end before. */
  readonly total: number;
  /** Of a run with `until`: half the length of the longest interval so far. */
  readonly widest?: number;
  readonly correct: number;
  /** The result of the samples that are done, without the checks that follow an evaluation. */
  readonly soFar: () => EvaluationResult;
}

/**
 * Deals batches to the evaluator and adds up their tallies in the order of their samples; what is kept already is not done
 * again. Yields after every batch. Whether it ends before all are done is decided at fixed numbers of samples, and what is under way then is
 * dropped: so it depends on the samples alone. @throws whatever the data set or the model throws; cancelled
 */
export async function* follow(course: Course): AsyncGenerator<Progress, EvaluationResult> {
  const { subject, data, plan, evaluator, batch, places, surrogate, state, gates, until, onRecords, signal } = course;
  const offset = plan.offset + places.first;
  const total = places.last - places.first;
  const began = state?.began ?? new Date();
  const start = performance.now();
  const proofs = certificates(course.certified ?? new Map(), plan.norm);
  const interval = intervalOf(until, total);
  let sum: Tally | undefined;
  const resultUpTo = (tally: Tally): EvaluationResult => {
    const seconds = (state?.seconds ?? 0) + (performance.now() - start) / 1000;
    return resultOf(subject, data, plan, { batch, offset, surrogate, gates, until, available: total }, tally, {
      began,
      seconds,
    });
  };
  const add = async (tally: Tally): Promise<Progress> => {
    proofs.hear(tally.records);
    await onRecords(withSources(tally.records.splice(0), data));
    if (sum) addTally(sum, tally);
    else sum = tally;
    const reached = until === undefined ? {} : { widest: widest(sum, interval) };
    return { done: sum.total, total, correct: sum.correct, ...reached, soFar: () => resultUpTo(sum!) };
  };
  const finish = async (running: Promise<Tally>): Promise<Progress> => {
    const tally = await running;
    await state?.keep(tally);
    return add(tally);
  };
  const isOver = (): boolean => {
    const done = sum?.total ?? 0;
    return done >= total || (until !== undefined && done > 0 && done % LOOK === 0 && widest(sum!, interval) <= until);
  };
  /** The batches that are left. One ends where it is decided whether the run does. */
  const left = async function* (): AsyncGenerator<Batch> {
    for (let from = sum?.total ?? 0; from < total; ) {
      const to = Math.min(total, nextLook(from, until));
      yield* data.batches({ batch, offset: offset + from, limit: to - from, signal });
      from = to;
    }
  };
  for await (const tally of state?.done() ?? []) yield await add(tally);

  const inFlight: Promise<Tally>[] = [];
  try {
    if (!isOver())
      for await (const samples of left()) {
        checkSignal(signal);
        const running = evaluator.run(samples);
        // Awaited in order below; a failure in between must not count as unhandled.
        running.catch(() => undefined);
        inFlight.push(running);
        if (inFlight.length >= evaluator.concurrency) yield await finish(inFlight.shift()!);
        if (isOver()) break;
      }
    while (inFlight.length > 0 && !isOver()) yield await finish(inFlight.shift()!);
    checkSignal(signal);
    if (inFlight.length > 0) await evaluator.close();
  } finally {
    await Promise.allSettled(inFlight);
  }
  const result = resultUpTo(sum!);
  return withWarnings(result, [...untilWarnings(result.evaluation), ...proofs.warnings()]);
}

/** Records with the files of their samples, where the data set knows them. */
const withSources = (records: readonly SampleRecord[], data: Dataset): readonly SampleRecord[] =>
  data.sourceOf ? records.map((record) => ({ ...record, source: data.sourceOf!(record.index) })) : records;
