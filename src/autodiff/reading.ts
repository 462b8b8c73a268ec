import type { HeadKind } from "./head.ts";

/** What the output is said to hold; `auto`: what the graph shows. */
export const headChoices = ["auto", "logits", "softmax", "sigmoid", "multi-label"] as const;
export type HeadChoice = (typeof headChoices)[number];

/** How an axis of the output that is neither batch nor classes, such as time or anchors, is brought to one value. */
export interface Pool {
  readonly how: "mean" | "max";
  /** Of the output as the file gives it; negative ones count from the end. */
  readonly axis: number;
}

/** How an output becomes logits. */
export interface Reading {
  readonly head?: HeadChoice | undefined;
  readonly pool?: Pool | undefined;
  /**
   * Of a model with one output: class 1 is above it, in units of the output. By default 0.5 of a sigmoid, 0 of a logit. Of several
   * labels: each is there above it.
   */
  readonly threshold?: number | undefined;
}

/**
 * What the last nodes give. `binary`, `binary-sigmoid`: one score, of class 1 against class 0. `hidden`: probabilities
 * without visible logits. `multi-label`: a score for each label by itself, 0 where it is on the threshold.
 */
export type ScoreKind = HeadKind | "binary" | "binary-sigmoid" | "hidden" | "multi-label";

/** What an output was read as. */
export interface Scores {
  /** The value that holds the logits, [n, classes], float32. */
  readonly logits: string;
  readonly classes: number;
  readonly kind: ScoreKind;
  /** What the graph does not say, and was assumed: a sentence each. */
  readonly assumptions: readonly string[];
  /** Scores of labels as they are: only a run tells whether they are logits or probabilities. */
  readonly unseen?: true;
}
