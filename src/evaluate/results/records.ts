import type { Standing } from "../../certify/proving/standing.ts";
import type { Outcome, SampleRecord } from "../../evaluate.ts";
import { l0Unit, normFor } from "../../norm.ts";
import { type FloatTensor, sampleSize } from "../../tensor.ts";
import type { Course, Judgement, Subjects } from "../course/cascade.ts";

/** The adversarial example of a sample at the least ε at which it was fooled. */
interface FirstExample {
  budget: number;
  prediction: number;
  linf: number;
  l2: number;
  l1: number;
  l0: number;
}

export interface FirstExamples {
  readonly hear: (judgement: Judgement) => void;
  readonly of: (row: number) => Readonly<FirstExample> | undefined;
  /** Whether the logits of an attacked sample held NaN, at some ε. */
  readonly nan: (row: number) => boolean;
}

/** Follows the verdicts on one batch, and measures each adversarial example in every norm. */
export function firstExamples({ x }: Subjects, budgets: number): FirstExamples {
  const found = new Map<number, FirstExample>();
  const nan = new Set<number>();
  const size = sampleSize(x);
  const shape = x.dims.slice(1);
  const [l0, pixels] = [normFor("l0", shape), l0Unit(shape) === "pixels"];
  const part = (t: FloatTensor, i: number) => t.data.subarray(i * size, (i + 1) * size);
  return {
    hear({ budget, rows, verdict }) {
      if (budget >= budgets) return;
      for (const [i, row] of rows.entries()) {
        if (verdict.predictions[i]! < 0) nan.add(row);
        if (!verdict.success[i] || budget >= (found.get(row)?.budget ?? budgets)) continue;
        const [a, b] = [part(verdict.adversarial, i), part(x, row)];
        const distances = distancesOf(a, b);
        if (pixels) distances.l0 = l0.distance(a, b);
        found.set(row, { budget, prediction: verdict.predictions[i]!, ...distances });
      }
    },
    of: (row) => found.get(row),
    nan: (row) => nan.has(row),
  };
}

/** In every norm, L0 in elements, in one pass: the norms' own functions would take four. */
export function distancesOf(a: Float32Array, b: Float32Array) {
  let [linf, squares, l1, l0] = [0, 0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const d = Math.abs(a[i]! - b[i]!);
    linf = d > linf ? d : linf;
    squares += d * d;
    l1 += d;
    // Without a branch: no processor predicts which pixels changed.
    l0 += Math.sign(d);
  }
  return { linf, l2: Math.sqrt(squares), l1, l0 };
}

export interface RecordSources {
  readonly indices: Int32Array;
  readonly labels: Int32Array;
  /** Of the clean samples. */
  readonly logits: FloatTensor;
  readonly predictions: Int32Array;
  /** The rows of the batch that were attacked: those whose number in it is their place here. */
  readonly attackedRows: readonly number[];
  readonly first: FirstExamples;
  readonly course: Course;
  readonly epsilons: readonly number[];
  /** Of whatever fooled samples, by its number in the course. */
  readonly names: readonly string[];
  /** Whether the clean pass was one with gradients. */
  readonly withGradient: boolean;
  /** Of the clean pass, for each sample. */
  readonly seconds: number;
  /** What is proven of the samples that were attacked, where the run certifies, and the seconds for each. */
  readonly proofs?: { readonly standing: Standing; readonly seconds: number } | undefined;
}

/** A record of each sample of a batch, attacked or not. */
export function recordsOf(from: RecordSources): SampleRecord[] {
  const place = new Map(from.attackedRows.map((row, i) => [row, i]));
  return Array.from(from.labels, (label, row): SampleRecord => {
    const i = place.get(row);
    const prediction = from.predictions[row]!;
    const example = i === undefined ? undefined : from.first.of(i);
    const { course } = from;
    const counted = (counts: Int32Array) => (i === undefined ? 0 : counts[i]!);
    return {
      index: from.indices[row]!,
      label,
      prediction,
      margin: marginOf(from.logits, row, label),
      outcome: outcomeOf(from, label, prediction, i),
      epsilon: example ? from.epsilons[example.budget]! : null,
      attack: example && i !== undefined ? from.names[course.fooledBy[i]!]! : null,
      adversarialPrediction: example?.prediction ?? null,
      linf: example?.linf ?? null,
      l2: example?.l2 ?? null,
      l1: example?.l1 ?? null,
      l0: example?.l0 ?? null,
      queries: counted(course.forwards) + counted(course.gradients),
      forwards: counted(course.forwards) + counted(course.judged) + Number(!from.withGradient),
      gradients: counted(course.gradients) + Number(from.withGradient),
      seconds: from.seconds + (i === undefined ? 0 : course.seconds[i]! + (from.proofs?.seconds ?? 0)),
      source: null,
      ...(from.proofs && certifiedOf(from.proofs.standing, i)),
    };
  });
}

/** What is proven of a sample, of which nothing can be where it is not correct. */
function certifiedOf({ largest, by, reasons }: Standing, i: number | undefined) {
  if (i === undefined) return { certifiedEpsilon: null, certifiedBy: null, openReason: null };
  return { certifiedEpsilon: by[i] === null ? null : largest[i]!, certifiedBy: by[i]!, openReason: reasons[i]! };
}

function outcomeOf(from: RecordSources, label: number, prediction: number, i: number | undefined): Outcome {
  if (i === undefined) return prediction < 0 ? "error" : prediction === label ? "skipped" : "misclassified";
  if (from.first.of(i)) return "fooled";
  return from.first.nan(i) ? "error" : "not-fooled";
}

/** z_label - max of the others; NaN is no number of a record, and gives 0. */
export function marginOf({ data, dims: [, classes] }: FloatTensor, row: number, label: number): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let c = 0; c < classes!; c++) {
    const z = data[row * classes! + c]!;
    if (c !== label && z > most) most = z;
  }
  const margin = data[row * classes! + label]! - most;
  return Number.isFinite(margin) ? margin : 0;
}
