import { PerturbError } from "../../errors.ts";
import type { Accuracy, Evaluation, SampleRecord, Warning } from "../../evaluate.ts";
import type { NormName } from "../../norm.ts";
import { option } from "../../option.ts";
import { differenceInterval, mcNemar, type PairedCounts } from "./paired.ts";
import { accuracyOf, sameEpsilon } from "./statistics.ts";

/** An evaluation with the records of its samples. */
export interface RecordedRun {
  /** Says in errors which one it was. */
  readonly name: string;
  readonly evaluation: Evaluation;
  readonly samples: AsyncIterable<SampleRecord> | Iterable<SampleRecord>;
}

/** Two models on the same samples: numbers and names only, as JSON holds it. */
export interface Comparison {
  readonly a: Side;
  readonly b: Side;
  readonly data: { readonly name: string; readonly offset: number; readonly total: number };
  readonly norm: NormName;
  /** The class that both were pushed to, or null when any other class would do. */
  readonly target: number | null;
  readonly clean: PairedAccuracy;
  /** One for each ε at which both were attacked, the robust accuracies of both. */
  readonly points: readonly (PairedAccuracy & { readonly epsilon: number })[];
  readonly warnings: readonly Warning[];
}

export interface Side {
  readonly name: string;
  readonly model: string;
  readonly sha256: string | null;
  readonly attacks: readonly string[];
}

export interface PairedAccuracy extends PairedCounts {
  readonly a: Accuracy;
  readonly b: Accuracy;
  /** The accuracy of A minus that of B. */
  readonly difference: number;
  /** Of the difference, 95 %: Newcombe's method 10. */
  readonly ci95: readonly [number, number];
  /** The exact test of McNemar, two-sided. No correction is made for several ε. */
  readonly pValue: number;
}

/**
 * Compares two evaluations of the same samples, sample by sample; memory does not grow with their number. A sample counts
 * at ε when it is correct and no attack fooled it at ε or below.
 * @throws mismatch for runs on other data, in another norm or with another goal; invalid-file for records that are not those
 * of the evaluation
 */
export async function compareRuns(a: RecordedRun, b: RecordedRun): Promise<Comparison> {
  const facts = commonFacts(a, b);
  const epsilons = a.evaluation.options.epsilons.filter((e) =>
    b.evaluation.options.epsilons.some((other) => sameEpsilon(e, other)),
  );
  if (epsilons.length === 0)
    throw unlike(a, b, "ε", a.evaluation.options.epsilons.join(", "), b.evaluation.options.epsilons.join(", "));
  const counts = await countPairs(a, b, [null, ...epsilons]);
  checkCounts(
    a,
    epsilons,
    counts.map(({ both, onlyA }) => both + onlyA),
  );
  checkCounts(
    b,
    epsilons,
    counts.map(({ both, onlyB }) => both + onlyB),
  );
  const [clean, ...points] = counts.map(pairedAccuracy);
  return {
    a: sideOf(a),
    b: sideOf(b),
    ...facts,
    clean: clean!,
    points: points.map((point, k) => ({ epsilon: epsilons[k]!, ...point })),
    warnings: warningsOf(a, b, epsilons),
  };
}

function commonFacts(a: RecordedRun, b: RecordedRun): Pick<Comparison, "data" | "norm" | "target"> {
  for (const { name, evaluation } of [a, b])
    if (evaluation.until)
      throw new PerturbError(
        "usage",
        `${name} is of a run that ended by what it had found (${option("until")}), and a comparison needs samples that were chosen before. Evaluate both on the same number of samples (${option("limit")}).`,
      );
  const { data, options } = a.evaluation;
  const other = b.evaluation;
  const facts: readonly (readonly [what: string, ofA: string | number | null, ofB: string | number | null])[] = [
    ["data", data.name, other.data.name],
    ["first sample", data.offset, other.data.offset],
    ["number of samples", data.total, other.data.total],
    ["norm", options.norm, other.options.norm],
    ["target", options.target, other.options.target],
    ["labels that may flip", labelsOf(a), labelsOf(b)],
  ];
  for (const [what, ofA, ofB] of facts) if (ofA !== ofB) throw unlike(a, b, what, ofA, ofB);
  const { name, offset, total } = data;
  return { data: { name, offset, total }, norm: options.norm, target: options.target };
}

const labelsOf = ({ evaluation: { labels } }: RecordedRun): string =>
  labels ? labels.map(({ label }) => label).join(", ") : "none: one class for each sample";

type Tally = { -readonly [K in keyof PairedCounts]: PairedCounts[K] };

/** For each ε, and for null without attack: how many samples count for both models, for one, for none. */
async function countPairs(a: RecordedRun, b: RecordedRun, epsilons: readonly (number | null)[]): Promise<Tally[]> {
  const counts = epsilons.map((): Tally => ({ both: 0, onlyA: 0, onlyB: 0, neither: 0 }));
  const others = recordsIn(b);
  try {
    for await (const one of a.samples) {
      const { value: other } = await others.next();
      if (!other) throw unlike(a, b, `sample ${one.index}`, "there", "missing");
      if (one.index !== other.index) throw unlike(a, b, "sample", one.index, other.index);
      if (one.label !== other.label) throw unlike(a, b, `label of sample ${one.index}`, one.label, other.label);
      for (const [k, epsilon] of epsilons.entries()) {
        const [inA, inB] = [isCounted(one, epsilon), isCounted(other, epsilon)];
        counts[k]![inA ? (inB ? "both" : "onlyA") : inB ? "onlyB" : "neither"]++;
      }
    }
    const { value: more } = await others.next();
    if (more) throw unlike(a, b, `sample ${more.index}`, "missing", "there");
  } finally {
    await others.return(undefined);
  }
  return counts;
}

async function* recordsIn({ samples }: RecordedRun): AsyncGenerator<SampleRecord, undefined> {
  yield* samples;
}

function isCounted({ outcome, prediction, label, epsilon: fooledAt }: SampleRecord, epsilon: number | null): boolean {
  if (epsilon === null) return prediction === label;
  if (outcome === "fooled") return fooledAt! > epsilon && !sameEpsilon(fooledAt!, epsilon);
  return outcome === "not-fooled" || outcome === "skipped";
}

function pairedAccuracy(counts: PairedCounts): PairedAccuracy {
  const { both, onlyA, onlyB, neither } = counts;
  const total = both + onlyA + onlyB + neither;
  return {
    a: accuracyOf(both + onlyA, total),
    b: accuracyOf(both + onlyB, total),
    difference: (onlyA - onlyB) / total,
    ci95: differenceInterval(counts),
    both,
    onlyA,
    onlyB,
    neither,
    pValue: mcNemar(counts),
  };
}

/** @throws invalid-file where records and report are not of one run */
function checkCounts({ name, evaluation }: RecordedRun, epsilons: readonly number[], correct: readonly number[]): void {
  const { clean, worst } = evaluation;
  const told = epsilons.map((epsilon) => worst.find((point) => sameEpsilon(point.epsilon, epsilon)));
  // Where logits held NaN, a record tells less than the count at each ε.
  const expected = [clean, ...told].map((point) =>
    point && "errors" in point && point.errors > 0 ? undefined : point,
  );
  for (const [k, point] of expected.entries())
    if (point && point.correct !== correct[k])
      throw new PerturbError(
        "invalid-file",
        `${name} does not agree with itself: ${k === 0 ? "without attack" : `at ε = ${epsilons[k - 1]}`}, its report counts ${point.correct} correct samples, and its records ${correct[k]}. Evaluate it again.`,
        { data: { name } },
      );
}

const sideOf = ({ name, evaluation: { model, options } }: RecordedRun): Side => ({
  name,
  model: model.name,
  sha256: model.sha256,
  attacks: options.attacks,
});

/** What differs between the runs besides the model, and so may make the difference. */
function warningsOf(a: RecordedRun, b: RecordedRun, epsilons: readonly number[]): Warning[] {
  const [ofA, ofB] = [a.evaluation.options, b.evaluation.options];
  const names = ["attacks", "settings", "seed", "eot", "levels", "maxQueries", "surrogate"] as const;
  const differing = names.filter((name) => String(ofA[name]) !== String(ofB[name]));
  const warnings: Warning[] = differing.map((name) => ({
    code: "other-attack",
    message: `The runs differ in ${name}: ${shown(ofA[name])} and ${shown(ofB[name])}. The difference may come from that, not from the models. Evaluate both the same way.`,
  }));
  const left = [...ofA.epsilons, ...ofB.epsilons].filter((e) => !epsilons.some((other) => sameEpsilon(e, other)));
  if (left.length > 0)
    warnings.push({
      code: "other-epsilons",
      message: `ε = ${left.sort((x, y) => x - y).join(", ")} is left out, because only one of the runs has it.`,
    });
  return warnings;
}

const shown = (value: string | number | null | readonly string[]): string =>
  (String(value ?? "") || "none").slice(0, 200);

const unlike = (
  a: RecordedRun,
  b: RecordedRun,
  what: string,
  ofA: string | number | null,
  ofB: string | number | null,
) =>
  new PerturbError(
    "mismatch",
    `${a.name} and ${b.name} cannot be compared: ${what} is ${ofA ?? "none"} in the one and ${ofB ?? "none"} in the other. Evaluate both on the same samples with the same options.`,
    { data: { what, a: ofA, b: ofB } },
  );
