import { PerturbError } from "../errors.ts";
import type { Evaluation, Warning } from "../evaluate.ts";
import type { Kind } from "../known-options.ts";
import { option } from "../option.ts";
import { confidenceSequence } from "../probability/confidence-sequence.ts";
import type { Order } from "./opening.ts";
import { type Interval, wilson95 } from "./results/statistics.ts";
import type { Tally } from "./results/tally.ts";
import type { Shard } from "./shard.ts";

/**
 * Samples between two looks at the intervals. A fixed number, so that neither the batch, nor who is at work, nor an interruption moves the end.
 */
export const LOOK = 100;

/** Where the next look is, of a run that ends by itself; another has none. */
export const nextLook = (done: number, until: number | undefined): number =>
  until === undefined ? Number.POSITIVE_INFINITY : (Math.floor(done / LOOK) + 1) * LOOK;

export const HALF_WIDTH: Kind = [
  "half the length of an interval, above 0 and below 0.5, such as 0.01 for ±1 %",
  (value) => typeof value === "number" && value > 0 && value < 0.5,
];

/** @throws usage for options that ask for other samples than the first ones of a random order */
export function checkUntil({
  until,
  order,
  offset = 0,
  shard,
}: {
  readonly until?: number | undefined;
  readonly order?: Order | undefined;
  readonly offset?: number | undefined;
  readonly shard?: Shard | undefined;
}): void {
  if (until === undefined) return;
  const needs = `${option("until")} takes samples in a random order, drawn by ${option("seed")} from all`;
  if (order === "file")
    throw new PerturbError("usage", `${needs}, and ${option("order", "file")} keeps that of the data. Leave one out.`);
  if (offset > 0)
    throw new PerturbError(
      "usage",
      `${needs}, and ${option("offset", offset)} leaves some out. Leave one of them out.`,
    );
  if (shard)
    throw new PerturbError(
      "usage",
      `${option("until")} ends a run by what all of its samples say, and ${option("shard")} sees those of one part alone. Leave one out: threads and a queue go with ${option("until")}.`,
    );
}

/**
 * The interval for an accuracy, at 95 %. Where what was found says when a run ends, only one that holds at all times at once is what it says: that of
 * a confidence sequence. It is shortest after nine times its weight: the samples after which half of its length is what is asked for, at an accuracy of
 * one half, or all that are `available`.
 */
export function intervalOf(until: number | undefined, available: number): Interval {
  if (until === undefined) return wilson95;
  const weight = Math.min(1 / (4 * until * until), available / 9);
  return (correct, total) => confidenceSequence(correct, total, { alpha: 0.05, weight });
}

/**
 * The largest half of an interval's length, of all accuracies of the model that a report gives: clean, after each attack at each ε, the worst
 * case, certified, without the defence, and of each label.
 */
export const widest = (tally: Tally, interval: Interval): number =>
  Math.max(...Array.from(correctIn(tally), (correct) => halfWidth(interval(correct, tally.total))));

const halfWidth = ([low, high]: readonly [number, number]): number => (high - low) / 2;

/** The numbers of samples that are correct, each once. */
const correctIn = ({ correct, labels = [], points, worst, certified, unadapted }: Tally): Set<number> =>
  new Set([
    correct,
    ...labels,
    ...points.map((point) => point.correct),
    ...worst.flatMap((point) => [point.correct, ...(point.labels ?? [])]),
    ...(certified?.proven ?? []),
    ...(unadapted ? [unadapted.network, ...unadapted.correct] : []),
  ]);

/** Said where the samples ended first. */
export function untilWarnings({ until, data }: Pick<Evaluation, "until" | "data">): Warning[] {
  if (!until || until.reached <= until.asked) return [];
  return [
    {
      code: "until-not-reached",
      message: `All ${data.total} samples were used, and not every interval is within ±${percent(until.asked)}: the widest is ±${percent(until.reached)}. Give more samples (data, ${option("limit")}), or ask for less (${option("until")}).`,
    },
  ];
}

/** Rounded up: what is beyond does not look as if it were within. */
const percent = (share: number): string => `${Number((Math.ceil(1e5 * share - 1e-9) / 1e3).toFixed(3))} %`;
