import type { Verdict } from "../attack.ts";
import type { Batch, Dataset } from "../dataset.ts";
import { checkSignal } from "../errors.ts";
import type { Warning } from "../evaluate.ts";
import type { Kinds } from "../known-options.ts";
import type { Model } from "../model.ts";
import { modelFor } from "../models/classifier/graph-model.ts";
import type { Note } from "../option.ts";
import { type FloatTensor, sampleSize } from "../tensor.ts";
import { surrogateCount, surrogateOf, surrogateWarnings } from "./checks/surrogate.ts";
import { askClean, type BatchContext, type BatchPlan, goalOf } from "./course/batch.ts";
import { cascade, type Judgement, pick } from "./course/cascade.ts";
import { batchWithin, MEMORY } from "./course/memory.ts";
import { type AttackOptions, open } from "./opening.ts";
import { accuracyOf } from "./results/statistics.ts";
import { isShard, type Places, placesOf, type Shard, shapesFrom } from "./shard.ts";

/**
 * What an attack made of one batch at one ε. Lists have one entry a sample. Where ε is in shares of the range of each element
 * (`model.elements`), samples are too.
 */
export interface AdversarialBatch {
  readonly epsilon: number;
  /** The samples as they were. */
  readonly batch: Batch;
  /** Clipped to the ball and the bounds; what was not attacked is as it was. */
  readonly adversarial: FloatTensor;
  /** Of the adversarial samples, where they were attacked. */
  readonly predictions: Int32Array;
  /** 1 where the goal was reached. */
  readonly success: Uint8Array;
  /** From the original, in the norm. */
  readonly distances: Float64Array;
}

export interface AdversarialOptions extends AttackOptions {
  /** Attacks one part of the samples. */
  readonly shard?: Shard | undefined;
}

const KINDS: Kinds<Omit<AdversarialOptions, keyof AttackOptions>> = {
  shard: ["a part, such as { index: 1, count: 4 }", isShard],
};

/** Adversarial examples that are made as they are asked for: for each batch of samples, one entry for each ε in order. */
export interface AdversarialExamples extends AsyncIterable<readonly AdversarialBatch[]> {
  readonly plan: BatchPlan;
  /** The samples that are attacked, in the shape of the model. */
  readonly data: Dataset;
  /** Samples in all, and the places of those that are attacked: all, but in a shard. */
  readonly total: number;
  readonly places: Places;
  /** Samples at a time, and at most in all. */
  readonly batch: number;
  readonly limit: number;
  /** What was assumed of model, data and options. */
  readonly warnings: readonly Warning[];
  /** What was done to the samples that were read so far, to fit the model, and what was found on the way. */
  readonly notes: () => readonly Note[];
}

/**
 * Adversarial examples batch by batch, for each ε in order: every sample is attacked by one attack of the plan after the other until one succeeds. As in
 * an evaluation with the same options, only samples that are correct (and not of the target's class) are attacked, so
 * that the share of rows whose prediction is the label is the accuracy that the evaluation reports. Memory is that of a batch
 * and its ε. @throws as `openEvaluation`; the loop whatever data or model throw; cancelled
 */
export async function adversarialExamples(
  model: Model,
  given: Dataset,
  options: AdversarialOptions,
): Promise<AdversarialExamples> {
  const door = { of: "adversarialExamples", more: KINDS };
  const { data, plan, total, limit, warnings, notes } = await open(model, given, options, door);
  const { surrogate, signal, shard, memory = MEMORY } = options;
  const batch = options.batch ?? batchWithin({ model, plan, total, concurrency: 1, memory });
  const shapeAt = shapesFrom(data, plan.offset);
  const places = shard ? placesOf(shard, { total, batch, shapeAt }) : { first: 0, last: total };
  const counting = surrogateOf(plan, surrogate);
  const count = counting && surrogateCount(counting);
  const clean = { correct: 0, total: 0 };
  return {
    plan,
    data,
    total,
    places,
    batch,
    limit,
    warnings,
    notes: () => [
      ...notes(),
      ...(counting && clean.total > 0
        ? surrogateWarnings(counting.name, count!.accuracy(), accuracyOf(clean.correct, clean.total), model.classes)
        : []),
    ],
    async *[Symbol.asyncIterator]() {
      for await (const samples of data.batches({
        batch,
        offset: plan.offset + places.first,
        limit: places.last - places.first,
        ...(signal && { signal }),
      })) {
        checkSignal(signal);
        const results = await attackBatch(model, samples, plan, { surrogate, signal }, clean);
        await count?.add(samples);
        yield results;
      }
    },
  };
}

async function attackBatch(
  given: Model,
  batch: Batch,
  plan: BatchPlan,
  { surrogate: other, signal }: BatchContext,
  clean: { correct: number; total: number },
): Promise<AdversarialBatch[]> {
  const model = await modelFor(given, batch.x);
  const surrogate = other && (await modelFor(other, batch.x));
  const { start, predictions, correct, attackedRows } = await askClean(model, batch, plan);
  clean.correct += correct.length;
  clean.total += predictions.length;
  const results = plan.epsilons.map((epsilon) => untouched(epsilon, batch, predictions));
  const attacked = pick({ ...batch, goal: goalOf(batch.labels, plan.target, model), start }, attackedRows);
  let series = 0;
  const hear = ({ entry, budget, rows, verdict }: Judgement): void => {
    // A sample fooled at one ε counts as fooled above it for the attacks that follow.
    for (; series < plan.attacks[entry]!.series; series++) settle(results, attackedRows);
    const result = results[budget];
    if (result)
      putRows(
        result,
        rows.map((row) => attackedRows[row]!),
        verdict,
      );
  };
  await cascade(model, attacked, plan, hear, { surrogate, signal });
  // Attacks that got no sample were not heard of.
  for (; series < plan.series.length - 1; series++) settle(results, attackedRows);
  return results;
}

const untouched = (epsilon: number, batch: Batch, clean: Int32Array): AdversarialBatch => ({
  epsilon,
  batch,
  adversarial: { ...batch.x, data: batch.x.data.slice() },
  predictions: clean.slice(),
  success: new Uint8Array(clean.length),
  distances: new Float64Array(clean.length),
});

function putRows(result: AdversarialBatch, rows: readonly number[], verdict: Verdict): void {
  for (const [i, row] of rows.entries()) {
    if (result.success[row] && !verdict.success[i]) continue;
    const { adversarial, predictions, success, distances } = verdict;
    put(result, row, { adversarial, predictions, success, distances }, i);
  }
}

function settle(results: readonly AdversarialBatch[], rows: readonly number[]): void {
  for (const [k, result] of results.entries())
    for (const row of rows)
      if (k > 0 && !result.success[row] && results[k - 1]!.success[row]) put(result, row, results[k - 1]!, row);
}

type Rows = Pick<AdversarialBatch, "adversarial" | "predictions" | "success" | "distances">;

/** Row `i` of `from` in the place of `row`. */
function put(to: Rows, row: number, from: Rows, i: number): void {
  const size = sampleSize(to.adversarial);
  to.adversarial.data.set(from.adversarial.data.subarray(i * size, (i + 1) * size), row * size);
  to.predictions[row] = from.predictions[i]!;
  to.success[row] = from.success[i]!;
  to.distances[row] = from.distances[i]!;
}
