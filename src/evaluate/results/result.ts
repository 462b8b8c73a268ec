import { MOST_CONFUSED } from "../../classes.ts";
import type { Dataset, Drawn } from "../../dataset.ts";
import type { AttackSummary, Certification, Evaluation, EvaluationResult, Warning } from "../../evaluate.ts";
import type { DefenceFacts } from "../../models/defences/recognise.ts";
import { warningsOf } from "../checks/checks.ts";
import { defenceWarnings, defendedOf } from "../checks/defended.ts";
import { setWarnings } from "../checks/label-sets.ts";
import type { BatchPlan } from "../course/batch.ts";
import type { Linearity } from "../linear/contract.ts";
import { intervalOf, widest } from "../until.ts";
import { type GateAsked, withGates } from "./gates.ts";
import { picturesOf } from "./input-facts.ts";
import { labelAccuracies, labelNames } from "./labels.ts";
import { accuracyOf as accuracyBy } from "./statistics.ts";
import type { AttackTally, Confusion, LinearityTally, LossTally, PointTally, Shown, Tally } from "./tally.ts";

/** What the report says of a model and of who ran it. */
export interface Subject {
  readonly model: Evaluation["model"];
  readonly runtime: Evaluation["runtime"];
  readonly version: string;
  readonly epsilonUnit: "input" | "range";
  /** How many nodes of the model step and pass the gradient straight through; by default none. */
  readonly straightThrough?: number;
  /** The defences in front of the model's network. */
  readonly defence?: DefenceFacts;
  /** Of a multi-label model: the labels that its classes from 1 on stand for. */
  readonly labels?: readonly number[];
  /** The operators and nodes that were asked to. */
  readonly askedThrough?: readonly string[];
}

interface Extent {
  readonly batch: number;
  readonly offset: number;
  readonly surrogate: string | null;
  readonly gates: readonly GateAsked[];
  /** Of a run that ends by itself: the half length of an interval that is asked for. */
  readonly until?: number | undefined;
  /** Samples that there are. */
  readonly available: number;
}

/** What was counted, as a report holds it. */
export function resultOf(
  subject: Subject,
  data: Dataset,
  plan: BatchPlan,
  { batch, offset, surrogate, gates, until, available }: Extent,
  tally: Tally,
  { began, seconds }: { began: Date; seconds: number },
): EvaluationResult {
  const { classes } = subject.model;
  const { total } = tally;
  const interval = intervalOf(until, available);
  const accuracyOf = (correct: number) => accuracyBy(correct, total, interval);
  const certifiedAt = (k: number) => tally.certified && { certified: accuracyOf(tally.certified.proven[k]!) };
  const points = tally.points.map((point, i) => ({
    attack: plan.series[Math.floor(i / plan.epsilons.length)]!,
    norm: plan.norm,
    epsilon: plan.epsilons[i % plan.epsilons.length]!,
    ...accuracyOf(point.correct),
    attacked: point.attacked,
    fooled: point.fooled,
    fooledConfidence: point.fooled === 0 ? null : point.confidence / point.fooled,
    largestDistance: point.largestDistance,
    confusion: matrix(point.confusion, classes),
    examples: point.examples.map((shown) => ({
      ...withoutPixels(shown),
      ...(data.sourceOf && { source: data.sourceOf(shown.index) }),
    })),
    ...certifiedAt(i % plan.epsilons.length),
  }));
  const evaluation: Evaluation = {
    schema: 2,
    tool: { name: "perturb", version: subject.version },
    date: began.toISOString(),
    model: { ...subject.model, ...(data.prepared && { pictures: picturesOf(data.prepared, false) }) },
    data: {
      name: data.name,
      offset: data.drawn?.indices[0] ?? offset,
      total,
      ...(data.drawn && { drawn: drawOf(data.drawn) }),
      ...(subject.labels
        ? { classNames: labelNames(subject.labels) }
        : data.classNames && { classNames: data.classNames }),
    },
    options: {
      attacks: plan.series,
      norm: plan.norm,
      epsilons: plan.epsilons,
      epsilonUnit: subject.epsilonUnit,
      target: plan.target,
      batch,
      seed: plan.seed,
      settings: plan.attacks.flatMap(({ attack, options }) =>
        Object.entries(options).map(([name, value]) => `${attack.name}.${name}=${String(value)}`),
      ),
      eot: plan.eot,
      levels: plan.levels,
      maxQueries: plan.maxQueries,
      surrogate,
    },
    runtime: subject.runtime,
    clean: { ...accuracyOf(tally.correct), confusion: matrix(tally.confusion, classes) },
    ...(subject.labels && { labels: labelAccuracies(subject.labels, tally, plan.epsilons, accuracyOf) }),
    worst: tally.worst.map(({ correct, errors }, k) => ({
      epsilon: plan.epsilons[k]!,
      ...accuracyOf(correct),
      errors,
      ...certifiedAt(k),
    })),
    ...(tally.certified && { certified: certificationOf(tally, plan) }),
    ...defendedOf(subject.defence, tally, plan.epsilons, accuracyOf),
    ...(until !== undefined && { until: { asked: until, reached: widest(tally, interval), available } }),
    gates: [],
    points,
    attacks: tally.attacks.map((attack, e) => summaryOf(attack, plan, e)),
    linearity: tally.linearity && linearityOf(tally.linearity, plan.epsilons),
    warnings: [],
    cost: { seconds, forwards: tally.forwards, gradients: tally.gradients, samplesPerSecond: total / seconds },
  };
  const warnings: readonly Warning[] = [
    ...defenceWarnings(subject.defence, evaluation),
    ...(subject.labels && data.labelSets && !data.adversarial
      ? setWarnings(evaluation.clean, data.labelSets, subject.labels)
      : []),
    ...warningsOf(evaluation, tally, plan, {
      ...subject,
      adversarial: data.adversarial,
      classFolders: data.classFolders,
    }),
  ];
  return {
    evaluation: withGates({ ...evaluation, warnings }, gates),
    notFooled: tally.worst.map(({ notFooled }) => [...notFooled]),
    pictures: tally.points.map((point: PointTally) => [...point.examples]),
    cleanExamples: [...tally.cleanExamples],
  };
}

const drawOf = ({ of, seed, shuffled }: Drawn) => ({ of, seed, ...(shuffled && { shuffled }) });

function certificationOf({ certified, total }: Tally, { certify }: BatchPlan): Certification {
  const digits = certify?.digits ?? null;
  return {
    methods: certified!.methods.map((method) => ({ ...method })),
    digits,
    averageRadius: digits === null ? null : certified!.radius / total,
    ...(certified!.losses && { losses: meansOf(certified!.losses) }),
  };
}

function meansOf({
  samples,
  margin,
  linear,
  rounding,
  bound,
  layers,
}: LossTally): NonNullable<Certification["losses"]> {
  return {
    samples,
    margin: margin / samples,
    linear: linear / samples,
    rounding: rounding / samples,
    bound: bound / samples,
    layers: layers.map(({ op, node, loss }) => ({ op, node, loss: loss / samples })),
  };
}

function summaryOf({ distances, fooled, ...counts }: AttackTally, plan: BatchPlan, e: number): AttackSummary {
  const { attack, series } = plan.attacks[e]!;
  return {
    attack: attack.name,
    of: plan.series[series]!,
    ...counts,
    fooled: [...fooled],
    distances: attack.aim === "least-change" ? quantilesOf(distances) : null,
  };
}

/** The shares at which the distances of a least-change attack are told. */
const QUANTILES = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99];

/** The least distance within which at least that share of the samples is fooled; null where there is none. */
function quantilesOf(distances: readonly number[]): AttackSummary["distances"] {
  const sorted = Float64Array.from(distances).sort();
  return QUANTILES.map((quantile) => {
    const distance = sorted[Math.max(0, Math.ceil(quantile * sorted.length) - 1)] ?? Number.POSITIVE_INFINITY;
    return { quantile, distance: Number.isFinite(distance) ? distance : null };
  });
}

/** [label][prediction]; nothing beyond `MOST_CONFUSED` classes, of which the table would be larger than all else. */
function matrix(counts: Confusion, classes: number): number[][] {
  if (classes > MOST_CONFUSED) return [];
  const rows = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (const [place, count] of counts) rows[Math.floor(place / classes)]![place % classes] = count;
  return rows;
}

const withoutPixels = ({ index, label, prediction, confidence }: Shown) => ({ index, label, prediction, confidence });

/** Sums to means; null where a loss was infinite, of which no mean says anything. */
function linearityOf({ samples, points, dimensions }: LinearityTally, epsilons: readonly number[]): Linearity | null {
  if (![...points, ...dimensions].flatMap((entry) => Object.values(entry)).every(Number.isFinite)) return null;
  const smallest = epsilons.find((epsilon) => epsilon > 0) ?? 0;
  return {
    samples,
    points: points.map((p, i) => ({
      epsilon: epsilons[i]!,
      predicted: p.predicted / samples,
      predictedClipped: p.predictedClipped / samples,
      measured: p.measured / samples,
    })),
    dimensions: dimensions.map((d) => ({
      dimensions: d.dimensions,
      epsilon: smallest,
      predicted: d.predicted / samples,
      measured: d.measured / samples,
      random: d.random / samples,
    })),
  };
}

/** A result with more to say about it. */
export const withWarnings = (result: EvaluationResult, more: readonly Warning[]): EvaluationResult => ({
  ...result,
  evaluation: { ...result.evaluation, warnings: [...result.evaluation.warnings, ...more] },
});
