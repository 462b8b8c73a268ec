import type { FloatTensor } from "../../tensor.ts";

/** Samples [n, ...], each with its label and the radius ε of the box around it. */
export interface Question {
  readonly x: FloatTensor;
  readonly labels: Int32Array;
  readonly epsilons: readonly number[];
}

/**
 * What a method found of one sample. `margin`: no x of the box has z_label - z_j below it for any other class j; NaN where none is known.
 * `open`: neither proven nor refuted. `refuted`: an input of the box, which is of another class. Both with the reason in words; null where the method
 * could not try more than those before it. `other`: the class to which the margin is least, where one is known.
 */
export type Decision =
  | { readonly kind: "proven"; readonly margin: number }
  | { readonly kind: "open"; readonly margin: number; readonly reason: string | null; readonly other?: number }
  | { readonly kind: "refuted"; readonly margin: number; readonly input: Float32Array; readonly reason: string };

/** Of all methods, from the cheapest to the strongest. */
export const NAMES = ["ibp", "crown-ibp", "crown", "alpha-crown", "branch-and-bound"] as const;
export type MethodName = (typeof NAMES)[number];

/** One way to show that no x of a box is taken for another class than the label. Answers do not depend on the other samples. */
export interface Method {
  readonly name: string;
  /** Whether it costs less than an attack, so that it comes first. */
  readonly isCheap: boolean;
  /** Whether the largest certified ε is looked for with it, which asks some ten times. */
  readonly isSearched: boolean;
  /** In the order of the samples. @throws runtime, cancelled */
  decide(question: Question, signal?: AbortSignal): Promise<readonly Decision[]>;
}
