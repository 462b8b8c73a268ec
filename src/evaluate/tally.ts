import type { Example, Picture } from "../evaluate.ts";

/** How many adversarial examples a report keeps for each ε. */
export const EXAMPLES = 5;

export type Shown = Example & Picture;

/** What is known of one ε: counts and sums that can be added up in any grouping. Can be sent by postMessage. */
export interface PointTally {
  attacked: number;
  correct: number;
  fooled: number;
  /** Sum of the probabilities of the fooled samples' predictions, of exact terms. */
  confidence: number;
  largestDistance: number;
  /** [label · classes + prediction] counts. */
  confusion: Int32Array;
  examples: Shown[];
}

/** Sums for the linear view, over `samples`. */
export interface LinearityTally {
  samples: number;
  points: { predicted: number; predictedClipped: number; measured: number }[];
  dimensions: { dimensions: number; predicted: number; measured: number; random: number }[];
}

/** What one batch adds to an evaluation. */
export interface Tally {
  total: number;
  correct: number;
  confusion: Int32Array;
  cleanExamples: Shown[];
  /** One for each attack and ε, in order. */
  points: PointTally[];
  linearity: LinearityTally | null;
  /** Samples whose logits held a NaN, clean or attacked. */
  invalid: number;
  /** Attacked samples that an attack left exactly where they were, at the largest ε above 0. */
  unmoved: number;
  forwards: number;
  gradients: number;
}

export const emptyPoint = (classes: number): PointTally => ({
  attacked: 0,
  correct: 0,
  fooled: 0,
  confidence: 0,
  largestDistance: 0,
  confusion: new Int32Array(classes * classes),
  examples: [],
});

/** Adds the tally of a later batch. Tallies are added in the order of their samples, so that the first examples stay. */
export function addTally(sum: Tally, next: Tally): void {
  sum.total += next.total;
  sum.correct += next.correct;
  sum.invalid += next.invalid;
  sum.unmoved += next.unmoved;
  sum.forwards += next.forwards;
  sum.gradients += next.gradients;
  addCounts(sum.confusion, next.confusion);
  addExamples(sum.cleanExamples, next.cleanExamples);
  for (const [i, point] of sum.points.entries()) addPoint(point, next.points[i]!);
  sum.linearity =
    sum.linearity && next.linearity ? addLinearity(sum.linearity, next.linearity) : (sum.linearity ?? next.linearity);
}

function addPoint(sum: PointTally, next: PointTally): void {
  sum.attacked += next.attacked;
  sum.correct += next.correct;
  sum.fooled += next.fooled;
  sum.confidence += next.confidence;
  sum.largestDistance = Math.max(sum.largestDistance, next.largestDistance);
  addCounts(sum.confusion, next.confusion);
  addExamples(sum.examples, next.examples);
}

function addCounts(sum: Int32Array, next: Int32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += next[i]!;
}

function addExamples(sum: Shown[], next: readonly Shown[]): void {
  sum.push(...next.slice(0, EXAMPLES - sum.length));
}

/** Sums entry by entry, except for the names of the entries. */
function addLinearity(a: LinearityTally, b: LinearityTally): LinearityTally {
  const add = <T extends Record<string, number>>(p: T, q: T): T =>
    Object.fromEntries(
      Object.entries(p).map(([key, value]) => [key, key === "dimensions" ? value : value + q[key]!]),
    ) as T;
  return {
    samples: a.samples + b.samples,
    points: a.points.map((p, i) => add(p, b.points[i]!)),
    dimensions: a.dimensions.map((p, i) => add(p, b.dimensions[i]!)),
  };
}
