import type { Dataset } from "../dataset.ts";
import { PerturbError } from "../errors.ts";
import type { EvaluationResult, SampleRecord } from "../evaluate.ts";
import { aBoolean, aFunction, aList, checkKind, having, type Kinds } from "../known-options.ts";
import type { Model } from "../model.ts";
import { option } from "../option.ts";
import { type CertifyOptions, certifying } from "./certifying.ts";
import type { Certified } from "./checks/certified.ts";
import { followUp } from "./checks/follow-up.ts";
import { surrogateAccuracy, surrogateOf, surrogateWarnings } from "./checks/surrogate.ts";
import type { BatchPlan } from "./course/batch.ts";
import { batchWithin, MEMORY } from "./course/memory.ts";
import { follow, type Progress } from "./course/run.ts";
import { type AttackOptions, type Opened, open } from "./opening.ts";
import type { Evaluator, WorkPlace } from "./place.ts";
import { here } from "./places/here.ts";
import { checkGates, type GateAsked } from "./results/gates.ts";
import { withWarnings } from "./results/result.ts";
import { subjectOf } from "./results/subject.ts";
import { isShard, type Places, placesOf, type Shard, shapesFrom } from "./shard.ts";
import type { EvaluationState, OpenState } from "./state.ts";
import { checkUntil, HALF_WIDTH, intervalOf, LOOK, nextLook } from "./until.ts";

export interface EvaluateOptions extends AttackOptions {
  /** Where batches are worked on, by default in this thread. */
  readonly place?: WorkPlace;
  /** Where the work is kept, so that an evaluation that was ended can go on; by default nowhere. */
  readonly state?: EvaluationState | undefined;
  /** Works on one part of the samples, in a `state`, where `shardStates` of perturb/node finds it; the result is of this part, without the checks of the whole. */
  readonly shard?: Shard | undefined;
  /**
   * Ends the evaluation once the interval of every accuracy is short enough: half of its length, as a share above 0 and below 0.5, such as 0.01
   * for ±1 %. Samples then come in a random order, drawn by `seed`, at most 100 a batch and `limit` in all; intervals hold whenever one stops: `Ending`.
   */
  readonly until?: number | undefined;
  /** Radii within which samples are certified, in the same norm: an attack that succeeds inside one is a contradiction. */
  readonly certified?: Certified;
  /**
   * Whether samples are certified too: proven, from bounds of the network, to keep their class at each ε, and up to the largest ε for which
   * that can be shown. By default they are not.
   */
  readonly certify?: boolean | CertifyOptions;
  /** Accuracies that are asked for: the result says whether each was met. By default none. */
  readonly gates?: readonly GateAsked[];
  /** Whether the model is run once more in the end, to check the evaluation itself: see `followUp`. By default it is. */
  readonly followUp?: boolean;
  /** Gets the record of each sample, batch by batch, in order; by default the result holds them, some 300 bytes each. */
  readonly onRecords?: (records: readonly SampleRecord[]) => void | Promise<void>;
}

const KINDS: Kinds<Omit<EvaluateOptions, keyof AttackOptions>> = {
  certified: having("a Map from indices to radii", "get"),
  gates: aList,
  certify: ["true, false, or options", (value) => typeof value === "boolean" || typeof value === "object"],
  followUp: aBoolean,
  until: HALF_WIDTH,
  shard: ["a part, such as { index: 1, count: 4 }", isShard],
  place: having("a place to work, such as threads() from perturb/node", "start"),
  state: having("a state, such as folderState(folder) from perturb/node", "open"),
  onRecords: aFunction,
};

/** Samples of a batch, at most, where each takes seconds to certify: what is done is saved, and told, after each batch. */
const CERTIFIED = 8;

/** Told after every batch. */
export type OnProgress = (progress: Progress) => void;

/**
 * An evaluation that is open: all that can be checked is checked, and nothing is measured yet. `finish` measures, or a loop
 * over its progress does; the one goes on where the other was left. Close it in the end, whatever came of it.
 */
export interface OpenEvaluation extends AsyncIterable<Progress> {
  readonly plan: BatchPlan;
  /** Samples that are to be evaluated, and those of them that were done when it was taken up again. */
  readonly total: number;
  readonly resumed: number;
  /** Whether its state holds something to go on with. */
  readonly saved: boolean;
  /** Measures what is left, and gives the result: the same each time. @throws whatever data or model throw; cancelled */
  finish(onProgress?: OnProgress): Promise<EvaluationResult>;
  /** Ends what is under way. What is done stays in the state; one that was resumed, or interrupted, can be opened again. */
  close(): Promise<void>;
}

/**
 * Opens the evaluation of a model on data: clean accuracy, and accuracy under attacks, over all samples at each ε, with 95 %
 * intervals. ε is in the units of the model's bounds, by default pixels from 0 to 1. The data is seen in the model's shape
 * where it holds the same elements. Only samples that are correct are attacked; the misclassified ones count as such at every ε.
 * @throws usage for options that cannot be; no-gradient for attacks that need what the model has not; mismatch for data that
 * does not fit, and for a state of another evaluation
 */
export async function openEvaluation(model: Model, data: Dataset, options: EvaluateOptions): Promise<OpenEvaluation> {
  checkUntil(options);
  const { surrogate, signal, place = here, gates = [], memory = MEMORY, shard, until } = options;
  const door = { of: "an evaluation", more: KINDS, shuffle: until === undefined ? undefined : LOOK };
  const opened = await certifying(model, await open(model, data, options, door), options.certify);
  checkGates(gates, opened.plan.epsilons);
  const evaluator = await place.start({ model, plan: opened.plan, surrogate, memory, signal });
  try {
    const subject = await subjectOf(model);
    const fitting = batchWithin({ ...opened, model, concurrency: evaluator.concurrency, memory });
    const asked = options.batch ?? (opened.plan.certify ? Math.min(CERTIFIED, fitting) : fitting);
    const batch = Math.min(asked, nextLook(0, until));
    if (shard && !options.state)
      throw new PerturbError("usage", `${option("shard")} needs a folder in which the part is kept, to be merged.`);
    const { data, plan, total } = opened;
    const shapeAt = shapesFrom(data, plan.offset);
    const places = shard ? placesOf(shard, { total, batch, shapeAt }) : { first: 0, last: total };
    const state = await options.state?.open({ ...opened, subject, model, surrogate, batch, shard, places, until });
    return evaluation(
      measure({ ...opened, model, subject, options, evaluator, state, batch, places }),
      { plan, total: places.last - places.first },
      evaluator,
      state,
    );
  } catch (error) {
    await evaluator.close();
    throw error;
  }
}

/** Measures a model on data, clean and under attacks: `openEvaluation`, and all that follows. @throws as it does; cancelled */
export async function evaluate(
  model: Model,
  data: Dataset,
  options: EvaluateOptions & { readonly onProgress?: OnProgress },
): Promise<EvaluationResult> {
  const { onProgress, ...rest } = withProgress(options);
  const open = await openEvaluation(model, data, rest);
  try {
    return await open.finish(onProgress);
  } finally {
    await open.close();
  }
}

/** @throws usage for what is no object with a function that is told of the progress, where it has one */
export function withProgress<O extends { readonly onProgress?: unknown }>(options: O): O {
  checkKind("The options", options, having("an object, such as { attacks: [fgsm], epsilons: [0.1] }"));
  if (options.onProgress !== undefined) checkKind("The option onProgress", options.onProgress, aFunction);
  return options;
}

interface Measuring extends Opened {
  readonly model: Model;
  readonly subject: Awaited<ReturnType<typeof subjectOf>>;
  readonly options: EvaluateOptions;
  readonly evaluator: Evaluator;
  readonly state: OpenState | undefined;
  readonly batch: number;
  readonly places: Places;
}

/** The course, and the checks that follow it. */
async function* measure(measuring: Measuring): AsyncGenerator<Progress, EvaluationResult> {
  const { model, options, state, data, plan, batch } = measuring;
  const records: SampleRecord[] | undefined = options.onRecords ? undefined : [];
  const { surrogate, signal, certified, gates = [], until } = options;
  const normalization = measuring.subject.model.preprocessing ?? undefined;
  const result = yield* follow({
    ...measuring,
    data: state?.data ?? data,
    surrogate: surrogate?.name ?? null,
    onRecords:
      options.onRecords ??
      ((more) => {
        for (const record of more) records!.push(record);
      }),
    certified,
    gates,
    until,
    signal,
  });
  await state?.close();
  if (options.shard) return records ? { ...result, records } : result;
  const told = withWarnings(await withSurrogate(result, measuring), [...measuring.warnings, ...measuring.notes()]);
  const kept = records ? { ...told, records } : told;
  if (options.followUp === false) return kept;
  return withWarnings(kept, await followUp(model, data, plan, result, { surrogate, signal, normalization, batch }));
}

/** With how well the surrogate reads the data, where an attack works on one. */
async function withSurrogate(
  result: EvaluationResult,
  { model, data, plan, batch, total, options: { surrogate: given, until, signal } }: Measuring,
): Promise<EvaluationResult> {
  const surrogate = surrogateOf(plan, given);
  if (!surrogate) return result;
  const { offset } = data.drawn ? { offset: 0 } : plan;
  const part = { batch, offset, limit: result.evaluation.data.total, signal };
  const found = await surrogateAccuracy(surrogate, data, part, intervalOf(until, total));
  const told = { ...result, evaluation: { ...result.evaluation, surrogate: found } };
  return withWarnings(told, surrogateWarnings(surrogate.name, found, result.evaluation.clean, model.classes));
}

function evaluation(
  course: AsyncGenerator<Progress, EvaluationResult>,
  { plan, total }: Pick<Opened, "plan" | "total">,
  evaluator: Evaluator,
  state: OpenState | undefined,
): OpenEvaluation {
  let ended: Promise<EvaluationResult> | undefined;
  let closing: Promise<void> | undefined;
  /** The next progress; undefined at the end. */
  const next = async (): Promise<Progress | undefined> => {
    if (ended) return undefined;
    if (closing) throw new PerturbError("cancelled", "The evaluation was closed.");
    try {
      const step = await course.next();
      if (!step.done) return step.value;
      ended = Promise.resolve(step.value);
    } catch (error) {
      ended = Promise.reject(error);
      // Who asks for the result meets the error too.
      ended.catch(() => undefined);
      throw error;
    }
    return undefined;
  };
  return {
    plan,
    total,
    get resumed() {
      return state?.resumed ?? 0;
    },
    get saved() {
      return state?.saved ?? false;
    },
    async finish(onProgress) {
      for (let progress = await next(); progress; progress = await next()) onProgress?.(progress);
      return ended!;
    },
    async *[Symbol.asyncIterator]() {
      for (let progress = await next(); progress; progress = await next()) yield progress;
    },
    close() {
      closing ??= (async () => {
        await evaluator.close();
        await state?.close();
        state?.release();
      })();
      // Lets go of the data too, where the course stands between two batches, or when it comes there.
      course.return(undefined as never).catch(() => undefined);
      return closing;
    },
  };
}
