import { judge, predict, type Verdict } from "../attack.ts";
import type { Batch, Dataset } from "../dataset.ts";
import { checkSignal } from "../errors.ts";
import { type DifferentiableModel, type Model, reached } from "../model.ts";
import { norms } from "../norm.ts";
import { type FloatTensor, sampleSize } from "../tensor.ts";
import { askClean, type BatchPlan, goalOf, pick } from "./batch.ts";

/** What an attack made of one batch at one ε. Lists have one entry a sample. */
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

export interface AdversarialOptions {
  readonly batch: number;
  readonly offset?: number;
  readonly limit?: number;
  readonly signal?: AbortSignal;
}

/**
 * Adversarial examples of the first attack of the plan, batch by batch, for each ε in order. As in an evaluation, only
 * samples that are right when clean (and not of the target's class) are attacked, so that the share of rows whose
 * prediction is the label is the accuracy that the evaluation reports. Memory is that of a batch and its ε.
 */
export async function* adversarialBatches(
  model: DifferentiableModel,
  data: Dataset,
  plan: BatchPlan,
  options: AdversarialOptions,
): AsyncGenerator<readonly AdversarialBatch[]> {
  for await (const batch of data.batches(options)) {
    checkSignal(options.signal);
    yield await attackBatch(model, batch, plan);
  }
}

async function attackBatch(model: DifferentiableModel, batch: Batch, plan: BatchPlan): Promise<AdversarialBatch[]> {
  const { attack, options } = plan.attacks[0]!;
  const { start, predictions, attackedRows } = await askClean(model, batch, plan);
  const results = plan.epsilons.map((epsilon) => untouched(epsilon, batch, predictions));
  if (attackedRows.length === 0) return results;

  const attacked = pick(batch, goalOf(batch.labels, plan.target), start, attackedRows);
  const norm = norms[plan.norm];
  const task = { model, ...attacked, norm, epsilons: plan.epsilons, seed: plan.seed };
  const candidates = await attack.propose(task, options as never);
  for (const [k, result] of results.entries())
    putRows(result, attackedRows, await judge(model, task.x, candidates[k]!, task.goal, norm, result.epsilon));
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
  const size = sampleSize(verdict.adversarial);
  for (const [i, row] of rows.entries()) {
    result.adversarial.data.set(verdict.adversarial.data.subarray(i * size, (i + 1) * size), row * size);
    result.predictions[row] = verdict.predictions[i]!;
    result.success[row] = verdict.success[i]!;
    result.distances[row] = verdict.distances[i]!;
  }
}

/** 1 for each adversarial example that still reaches its goal when its pixels are rounded to 8 bits. */
export async function survivesRounding(
  model: Model,
  { adversarial, batch, success }: AdversarialBatch,
  target: number | null,
): Promise<Uint8Array> {
  const { lower, upper } = model.bounds;
  const round = (v: number): number =>
    lower + (Math.round((255 * (v - lower)) / (upper - lower)) / 255) * (upper - lower);
  const predictions = predict(await model.logits({ ...adversarial, data: adversarial.data.map(round) }));
  const goal = goalOf(batch.labels, target);
  return success.map((done, i) => Number(done === 1 && predictions[i]! >= 0 && reached(goal, i, predictions[i]!)));
}
