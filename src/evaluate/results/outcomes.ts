import type { Head } from "../../model.ts";
import type { FloatTensor } from "../../tensor.ts";
import type { Judgement, Subjects } from "../course/cascade.ts";
import { flippedIn, rightLabels } from "./labels.ts";
import { show } from "./show.ts";
import { exact, probability } from "./statistics.ts";
import { addCount, type Confusion, EXAMPLES, emptyPoint, type PointTally, type Shown } from "./tally.ts";

/** What the attacks so far did to the attacked samples, at one ε. */
interface Outcome {
  readonly predictions: Int32Array;
  readonly success: Uint8Array;
  /** Probability of the prediction, where the goal was reached. */
  readonly confidence: Float64Array;
  /** Of a multi-label model, where it was fooled: 1 for each label that is wrong. */
  readonly flipped: (Uint8Array | undefined)[];
  /** Of the attack that is under way. */
  largestDistance: number;
  examples: Shown[];
}

export interface Outcomes {
  readonly hear: (judgement: Judgement) => void;
  /** A sample fooled at one ε counts as fooled above it; the next attack begins with that. */
  readonly settle: () => void;
  /** The points of the attack that is under way. `untouched`: confusion counts of what is not attacked. */
  readonly points: (untouched: Confusion, classes: number) => PointTally[];
  /**
   * For each ε: indices of the samples that are correct and not fooled, and how many had logits with NaN alone; of a multi-label model, on
   * how many samples of the batch each label is right, those among them that were not attacked.
   */
  readonly worst: (
    clean: FloatTensor,
    unattacked: readonly number[],
  ) => {
    readonly notFooled: readonly number[];
    readonly errors: number;
    readonly labels?: number[];
  }[];
}

/** Follows the verdicts on one batch. */
export function outcomes(subjects: Subjects, budgets: number, head: Head): Outcomes {
  const { labels, indices } = subjects;
  const n = labels.length;
  const at = Array.from(
    { length: budgets },
    (): Outcome => ({
      predictions: labels.slice(),
      success: new Uint8Array(n),
      confidence: new Float64Array(n),
      flipped: [],
      largestDistance: 0,
      examples: [],
    }),
  );
  return {
    hear({ budget, rows, verdict }) {
      const outcome = at[budget];
      if (!outcome) return;
      const { predictions, success, logits, distances } = verdict;
      for (const [i, row] of rows.entries()) {
        outcome.largestDistance = Math.max(outcome.largestDistance, distances[i]!);
        // The worst so far stays: a wrong class that was not aimed at, or NaN.
        if (!success[i] && outcome.predictions[row] !== labels[row]) continue;
        outcome.predictions[row] = predictions[i]!;
        outcome.success[row] = success[i]!;
        if (!success[i]) continue;
        if (head === "multi-label") outcome.flipped[row] = flippedIn(logits, i);
        outcome.confidence[row] = probability(logits.data, i, logits.dims[1]!, predictions[i]!, head);
        // The first by index: an ensemble's members come one after the other.
        if (outcome.examples.length === EXAMPLES && indices[row]! > outcome.examples.at(-1)!.index) continue;
        outcome.examples.push(show(subjects, row, verdict.adversarial, i, logits, predictions, head));
        outcome.examples.sort((a, b) => a.index - b.index).splice(EXAMPLES);
      }
    },
    settle() {
      for (const [k, outcome] of at.entries()) {
        outcome.largestDistance = 0;
        outcome.examples = [];
        const below = at[k - 1];
        if (!below) continue;
        for (let row = 0; row < n; row++) {
          if (outcome.success[row]) continue;
          if (!below.success[row] && outcome.predictions[row] !== labels[row]) continue;
          outcome.predictions[row] = below.predictions[row]!;
          outcome.success[row] = below.success[row]!;
          outcome.confidence[row] = below.confidence[row]!;
          outcome.flipped[row] = below.flipped[row];
        }
      }
    },
    points: (untouched, classes) =>
      at.map(({ predictions, success, confidence, largestDistance, examples }) => {
        const point: PointTally = { ...emptyPoint(), attacked: n, largestDistance, examples };
        point.confusion = new Map(untouched);
        for (const [place, count] of untouched) if (place % (classes + 1) === 0) point.correct += count;
        for (let row = 0; row < n; row++) {
          const prediction = predictions[row]!;
          if (prediction === labels[row]) point.correct++;
          if (prediction >= 0) addCount(point.confusion, labels[row]! * classes + prediction, 1);
          point.fooled += success[row]!;
          if (success[row]) point.confidence += exact(confidence[row]!);
        }
        return point;
      }),
    worst: (clean, unattacked) =>
      at.map(({ predictions, success, flipped }) => ({
        ...(head === "multi-label" && { labels: rightLabels(clean, unattacked, n, flipped) }),
        notFooled: [...indices].filter((_, row) => predictions[row] === labels[row] && !success[row]),
        errors: predictions.filter((p, row) => p < 0 && !success[row]).length,
      })),
  };
}
