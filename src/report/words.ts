import type { Outcome } from "../evaluate.ts";

/** What people read for each outcome of a sample. */
export const OUTCOME_LABELS: Readonly<Record<Outcome, string>> = {
  misclassified: "misclassified",
  skipped: "skipped",
  fooled: "fooled",
  error: "error",
  "not-fooled": "not fooled",
};

/** The share of all samples that are correct and proven to stay so. */
export const CERTIFIED_ACCURACY = "certified accuracy";

/** The share of all samples that are correct and not fooled by attacks that do not know of the model's defences. */
export const UNADAPTED_ACCURACY = "without adaptation";

/** The share of all samples that are correct and not fooled by any attack of the run. */
export const ROBUST_ACCURACY = "robust accuracy";
