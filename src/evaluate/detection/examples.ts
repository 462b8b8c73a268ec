import { predict } from "../../attack.ts";
import type { Dataset } from "../../dataset.ts";
import { checkSignal } from "../../errors.ts";
import type { Model } from "../../model.ts";
import type { GraphModel } from "../../models/classifier/graph-model.ts";
import type { ScoreBuilder } from "../../models/detector.ts";
import type { Note } from "../../option.ts";
import { adversarialExamples } from "../adversarial.ts";
import { checkBatch } from "../course/check-batch.ts";
import type { AttackOptions } from "../opening.ts";
import { outputsOf } from "../outputs.ts";

/** One entry a sample, in the order of the data. */
export interface Scored {
  readonly scores: Float64Array;
  /** 1 where a sample that is correct when clean is of another class. */
  readonly fooled: Uint8Array;
}

/** A model and the graph that gives its detector's score. */
export interface Watched {
  readonly model: GraphModel;
  readonly scoring: Model;
  readonly score: ScoreBuilder;
  readonly signal?: AbortSignal | undefined;
}

/** Clean samples: their scores, and which of them are correct. */
export interface CleanScores {
  readonly scores: Float64Array;
  readonly correct: Uint8Array;
  /** By index in the data set. */
  readonly labels: ReadonlyMap<number, number>;
}

export async function cleanScores(
  { model, scoring, signal }: Watched,
  data: Dataset,
  batch: number,
  onBatch: (samples: number) => void,
): Promise<CleanScores> {
  const scores: number[] = [];
  const correct: number[] = [];
  const labels = new Map<number, number>();
  for await (const samples of data.batches({ batch, signal })) {
    checkSignal(signal);
    checkBatch(model, samples);
    const predictions = predict((await outputsOf(model, samples, samples.x)).logits);
    scores.push(...(await outputsOf(scoring, samples, samples.x)).logits.data);
    for (const [i, label] of samples.labels.entries()) {
      correct.push(Number(predictions[i] === label));
      labels.set(samples.indices[i]!, label);
    }
    onBatch(samples.labels.length);
  }
  return { scores: Float64Array.from(scores), correct: Uint8Array.from(correct), labels };
}

/** Samples that are attacked, and how. */
export interface DetectionTask {
  readonly data: Dataset;
  readonly clean: CleanScores;
  readonly plan: AttackOptions;
}

/** What attacks on `target` make of the samples, at each ε: what the model and its detector say of that. */
export async function scoredExamples(
  { model, scoring }: Watched,
  target: Model,
  { data, clean: { correct, labels }, plan }: DetectionTask,
  onBatch: (samples: number) => void,
): Promise<{ readonly points: readonly Scored[]; readonly warnings: readonly Note[] }> {
  const points = plan.epsilons.map(() => ({
    scores: new Float64Array(correct.length),
    fooled: new Uint8Array(correct.length),
  }));
  const examples = await adversarialExamples(target, data, plan);
  let at = 0;
  for await (const results of examples) {
    for (const [k, { batch, adversarial }] of results.entries()) {
      const predictions = predict((await outputsOf(model, batch, adversarial)).logits);
      points[k]!.scores.set((await outputsOf(scoring, batch, adversarial)).logits.data, at);
      for (const [i, index] of batch.indices.entries())
        points[k]!.fooled[at + i] = correct[at + i]! & Number(predictions[i] !== labels.get(index));
    }
    const samples = results[0]!.batch.indices.length;
    at += samples;
    onBatch(samples);
  }
  return { points, warnings: [...examples.warnings, ...examples.notes()] };
}

/** The scores of the samples that are fooled. */
export const fooling = ({ scores, fooled }: Scored): Float64Array => scores.filter((_, i) => fooled[i] === 1);
