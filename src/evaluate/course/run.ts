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
import type { BatchPlan } from "./batch.ts";
import type { Pace } from "./pace.ts";

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
  readonly state?: OpenState | undefined;
  /** How batches are cut up, so that what is done is saved soon; by default they are not. */
  readonly pace?: Pace | undefined;
  /** Gets the record of each sample, batch by batch, in order. */
  readonly onRecords: (records: readonly SampleRecord[]) => void | Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

export interface Progress {
  readonly done: number;
  readonly total: number;
  readonly correct: number;
  /** The result of the samples that are done, without the checks that follow an evaluation. */
  readonly soFar: () => EvaluationResult;
}

/**
 * Deals batches to the evaluator and adds up their tallies in the order of their samples; what is kept already is not done
 * again. Yields after every batch. @throws whatever the data set or the model throws; cancelled
 */
export async function* follow(course: Course): AsyncGenerator<Progress, EvaluationResult> {
  const { subject, data, plan, evaluator, batch, places, surrogate, state, pace, gates, onRecords, signal } = course;
  const offset = plan.offset + places.first;
  const total = places.last - places.first;
  const began = state?.began ?? new Date();
  const start = performance.now();
  const proofs = certificates(course.certified ?? new Map(), plan.norm);
  let sum: Tally | undefined;
  const resultUpTo = (tally: Tally): EvaluationResult => {
    const seconds = (state?.seconds ?? 0) + (performance.now() - start) / 1000;
    return resultOf(subject, data, plan, { batch, offset, surrogate, gates }, tally, { began, seconds });
  };
  const add = async (tally: Tally): Promise<Progress> => {
    proofs.hear(tally.records);
    await onRecords(withSources(tally.records.splice(0), data));
    if (sum) addTally(sum, tally);
    else sum = tally;
    return { done: sum.total, total, correct: sum.correct, soFar: () => resultUpTo(sum!) };
  };
  const finish = async (running: Promise<Tally>): Promise<Progress> => {
    const tally = await running;
    await state?.keep(tally);
    return add(tally);
  };
  for await (const tally of state?.done() ?? []) yield await add(tally);
  const done = sum?.total ?? 0;

  const inFlight: Promise<Tally>[] = [];
  const run = (samples: Batch): Promise<Tally> => {
    const sent = performance.now();
    const running = evaluator.run(samples);
    // Awaited in order below; a failure in between must not count as unhandled.
    running.then(
      (tally) => pace?.took(tally, (performance.now() - sent) / 1000),
      () => undefined,
    );
    return running;
  };
  try {
    if (done < total)
      for await (const whole of data.batches({ batch, offset: offset + done, limit: total - done, signal }))
        for (const samples of pace?.pieces(whole) ?? [whole]) {
          checkSignal(signal);
          inFlight.push(run(samples));
          if (inFlight.length >= evaluator.concurrency) yield await finish(inFlight.shift()!);
        }
    while (inFlight.length > 0) yield await finish(inFlight.shift()!);
    checkSignal(signal);
  } finally {
    await Promise.allSettled(inFlight);
  }
  const result = resultUpTo(sum!);
  return withWarnings(result, proofs.warnings());
}

/** Records with the files of their samples, where the data set knows them. */
const withSources = (records: readonly SampleRecord[], data: Dataset): readonly SampleRecord[] =>
  data.sourceOf ? records.map((record) => ({ ...record, source: data.sourceOf!(record.index) })) : records;
