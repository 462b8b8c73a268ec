import type { Tensor } from "../tensor.ts";
import type { Score } from "../train.ts";

/** Inputs or outputs of a graph, by name. */
export type Values = Readonly<Record<string, Tensor>>;

export const NOTHING: Score = { loss: 0, correct: 0, total: 0 };

/** What a graph says of a batch. */
export const scoreOf = (result: Values, { labels }: Values): Score => ({
  loss: Number(result["loss"]!.data[0]),
  correct: Number(result["correct"]!.data[0]),
  total: labels!.dims[0]!,
});

export const addScores = (a: Score, b: Score): Score => ({
  loss: a.loss + b.loss,
  correct: a.correct + b.correct,
  total: a.total + b.total,
});
