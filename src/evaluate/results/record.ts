/**
 * What became of one sample. `misclassified`: without any attack. `skipped`: it is already of the target's class, and was not
 * attacked. `fooled`: by an attack, at some ε. `error`: the model's logits held NaN. `not-fooled`: at no ε, by no attack.
 */
export type Outcome = "misclassified" | "skipped" | "fooled" | "error" | "not-fooled";

/** What became of one sample, with its numbers. */
export interface SampleRecord {
  /** Index in the data set. */
  readonly index: number;
  readonly label: number;
  /** On the clean sample; -1 where its logits held NaN. */
  readonly prediction: number;
  /** z_label - max of the other logits, of the clean sample: positive where it is correct. */
  readonly margin: number;
  readonly outcome: Outcome;
  /** The least ε at which it was fooled, the attack that did so first, and the prediction there; null unless fooled. */
  readonly epsilon: number | null;
  readonly attack: string | null;
  readonly adversarialPrediction: number | null;
  /** From the sample to the adversarial example at that ε. */
  readonly linf: number | null;
  readonly l2: number | null;
  readonly l1: number | null;
  readonly l0: number | null;
  /** Queries that attacks made for it: what a budget of queries limits. */
  readonly queries: number;
  /** Forward passes and gradients, those of the clean sample and of the judge among them. */
  readonly forwards: number;
  readonly gradients: number;
  /** Its share of the time that its batch took. */
  readonly seconds: number;
  /** The file that it comes from, where the data set knows one. */
  readonly source: string | null;
  /**
   * Where the run certifies: the largest ε within which the sample is proven to keep its class, and the method that proved it; null where there is
   * none.
   */
  readonly certifiedEpsilon?: number | null;
  readonly certifiedBy?: string | null;
  /** Why the least ε that is neither proven nor fooled is open; null where none is. */
  readonly openReason?: string | null;
}
