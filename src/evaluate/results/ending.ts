/**
 * How far a run came that ends by itself (`until`). The intervals of all accuracies in its report are those of a confidence sequence: see
 * `confidenceSequence`.
 */
export interface Ending {
  /** Half the length of an interval, as a share: what was asked for, and what the longest of the model's accuracies has in the end. */
  readonly asked: number;
  readonly reached: number;
  /** Samples that there were to draw; `data.total` of them were used. */
  readonly available: number;
}
