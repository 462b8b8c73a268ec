import type { Example, Picture, SampleRecord } from "../../evaluate.ts";

/** How many adversarial examples a report keeps for each ε. */
export const EXAMPLES = 5;

export type Shown = Example & Picture;

/** Counts by label · classes + prediction, of those that are not zero: no memory is spent on pairs that never meet. */
export type Confusion = Map<number, number>;

/** What is known of one ε: counts and sums that can be added up in any grouping. Can be sent by postMessage. */
export interface PointTally {
  attacked: number;
  correct: number;
  fooled: number;
  /** Sum of the probabilities of the fooled samples' predictions, of exact terms. */
  confidence: number;
  largestDistance: number;
  confusion: Confusion;
  examples: Shown[];
}

/** Sums for the linear view, over `samples`. */
export interface LinearityTally {
  samples: number;
  points: { predicted: number; predictedClipped: number; measured: number }[];
  dimensions: { dimensions: number; predicted: number; measured: number; random: number }[];
}

/** What was proven of the samples of a batch. */
export interface CertifiedTally {
  /** Samples that are correct, proven and not fooled, by ε. */
  proven: number[];
  /** Sum of the largest ε proven of each, of exact terms. */
  radius: number;
  /** One for each method, in order. */
  methods: { readonly method: string; tried: number; proven: number; fooled: number; seconds: number }[];
  /** Sums, of exact terms, of what the bounds of open samples lose; absent where none is. */
  losses?: LossTally;
}

export interface LossTally {
  samples: number;
  margin: number;
  linear: number;
  rounding: number;
  bound: number;
  /** In the order of the network. */
  layers: { readonly op: string; readonly node: string | null; loss: number }[];
}

/** Of a model with defences: what attacks leave that do not know of them. */
export interface UnadaptedTally {
  /** Samples that the network without its defences has right. */
  network: number;
  /** Samples that are correct and not fooled, by ε. */
  correct: number[];
}

export interface WorstTally {
  correct: number;
  /** Of a multi-label model: on how many samples each label is right. */
  labels?: number[];
  errors: number;
  /** Indices of the first samples that are correct and not fooled. */
  notFooled: number[];
}

export interface AttackTally {
  attacked: number;
  /** Samples that it was the first to fool, by the least ε. */
  fooled: number[];
  forwards: number;
  gradients: number;
  seconds: number;
  /** For each sample it attacked the distance found, Infinity where none was; empty for attacks inside a budget. */
  distances: number[];
}

/** How many samples that are not fooled are remembered for the checks that follow an evaluation. */
export const REMEMBERED = 50;

/** What one batch adds to an evaluation. */
export interface Tally {
  total: number;
  correct: number;
  /** Of a multi-label model: on how many samples each label is right. */
  labels?: number[];
  confusion: Confusion;
  cleanExamples: Shown[];
  /** One for each attack that was asked for and each ε, in order. */
  points: PointTally[];
  /** One for each ε. */
  worst: WorstTally[];
  /** Where the run certifies. */
  certified?: CertifiedTally;
  /** Where the model has defences. */
  unadapted?: UnadaptedTally;
  /** One for each attack that ran, an ensemble's members one by one. */
  attacks: AttackTally[];
  /** Of this batch; whoever adds tallies up hands them on. */
  records: SampleRecord[];
  linearity: LinearityTally | null;
  /** Samples whose logits held a NaN, clean or attacked. */
  invalid: number;
  /** Attacked samples whose gradient at x is zero in every element, or holds NaN. */
  deadGradients: number;
  nanGradients: number;
  /** Attacked samples whose gradient at x is not zero and yet next to nothing. */
  tinyGradients: number;
  /** Samples whose scores all lie in [0, 1] without summing to 1; and those with one score of 1 and all others 0. */
  unitScores: number;
  labelScores: number;
  forwards: number;
  gradients: number;
}

export const emptyPoint = (): PointTally => ({
  attacked: 0,
  correct: 0,
  fooled: 0,
  confidence: 0,
  largestDistance: 0,
  confusion: new Map(),
  examples: [],
});

/** Adds the tally of a later batch. Tallies are added in the order of their samples, so that the first examples stay. */
export function addTally(sum: Tally, next: Tally): void {
  sum.total += next.total;
  sum.correct += next.correct;
  addLabels(sum, next);
  sum.invalid += next.invalid;
  sum.deadGradients += next.deadGradients;
  sum.nanGradients += next.nanGradients;
  sum.tinyGradients += next.tinyGradients;
  sum.unitScores += next.unitScores;
  sum.labelScores += next.labelScores;
  sum.forwards += next.forwards;
  sum.gradients += next.gradients;
  if (sum.certified && next.certified) addCertified(sum.certified, next.certified);
  if (sum.unadapted && next.unadapted) addUnadapted(sum.unadapted, next.unadapted);
  addCounts(sum.confusion, next.confusion);
  addExamples(sum.cleanExamples, next.cleanExamples);
  for (const [i, point] of sum.points.entries()) addPoint(point, next.points[i]!);
  for (const [i, worst] of sum.worst.entries()) addWorst(worst, next.worst[i]!);
  for (const [i, attack] of sum.attacks.entries()) addAttack(attack, next.attacks[i]!);
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

function addWorst(sum: WorstTally, next: WorstTally): void {
  sum.correct += next.correct;
  addLabels(sum, next);
  sum.errors += next.errors;
  sum.notFooled.push(...next.notFooled.slice(0, REMEMBERED - sum.notFooled.length));
}

function addUnadapted(sum: UnadaptedTally, next: UnadaptedTally): void {
  sum.network += next.network;
  for (const [k, correct] of next.correct.entries()) sum.correct[k]! += correct;
}

function addCertified(sum: CertifiedTally, next: CertifiedTally): void {
  for (const [k, proven] of next.proven.entries()) sum.proven[k]! += proven;
  sum.radius += next.radius;
  for (const [m, { tried, proven, fooled, seconds }] of next.methods.entries()) {
    const method = sum.methods[m]!;
    method.tried += tried;
    method.proven += proven;
    method.fooled += fooled;
    method.seconds += seconds;
  }
  if (sum.losses && next.losses) addLosses(sum.losses, next.losses);
  else if (next.losses) sum.losses = next.losses;
}

function addLosses(sum: LossTally, next: LossTally): void {
  for (const part of ["samples", "margin", "linear", "rounding", "bound"] as const) sum[part] += next[part];
  for (const [k, { loss }] of next.layers.entries()) sum.layers[k]!.loss += loss;
}

type OfLabels = Pick<WorstTally, "labels">;
function addLabels({ labels }: OfLabels, next: OfLabels): void {
  for (const [l, right] of next.labels?.entries() ?? []) labels![l]! += right;
}

function addAttack(sum: AttackTally, next: AttackTally): void {
  sum.attacked += next.attacked;
  for (const [k, fooled] of next.fooled.entries()) sum.fooled[k]! += fooled;
  sum.forwards += next.forwards;
  sum.gradients += next.gradients;
  sum.seconds += next.seconds;
  for (const distance of next.distances) sum.distances.push(distance);
}

function addCounts(sum: Confusion, next: Confusion): void {
  for (const [place, count] of next) addCount(sum, place, count);
}

export const addCount = (counts: Confusion, place: number, count: number): void => {
  const sum = (counts.get(place) ?? 0) + count;
  if (sum === 0) counts.delete(place);
  else counts.set(place, sum);
};

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
