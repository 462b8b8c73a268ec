import fc from "fast-check";
import {
  type AttackTally,
  addCount,
  type Confusion,
  type LinearityTally,
  type PointTally,
  type Shown,
  type Tally,
  type WorstTally,
} from "../../src/evaluate/results/tally.ts";
import type { Extent } from "../../src/evaluate/state/extent.ts";
import type { SampleRecord } from "../../src/evaluate.ts";

export const EXTENT: Extent = {
  classes: 3,
  budgets: 2,
  points: 4,
  attacks: 3,
  first: 0,
  total: 23,
  batch: 5,
  shape: [1, 2, 3],
  epsilons: [0.1, 0.2],
  names: ["fgsm", "pgd", "own"],
  size: 100,
};
const { epsilons, names, classes, budgets, points, attacks, batch, total } = EXTENT;

/** Every number that can be counted or measured, those that JSON lacks among them. */
const real = fc.double();
const count = fc.nat();
const small = fc.nat(1);
const many = <T>(value: fc.Arbitrary<T>, length: number) => fc.array(value, { minLength: length, maxLength: length });

const prediction = fc.integer({ min: -1, max: classes - 1 });
const label = fc.nat(classes - 1);
/** A part of a larger array, as views of a batch are. */
const pixels = many(fc.float(), 8).map((values) => Float32Array.from(values).subarray(1, 7));
const shown: fc.Arbitrary<Shown> = fc.record({
  index: count,
  label,
  prediction,
  confidence: real,
  shape: fc.constant(EXTENT.shape),
  original: pixels,
  adversarial: pixels,
});
const examples = fc.array(shown, { maxLength: 3 });
const confusion = fc.array(fc.nat(classes ** 2 - 1), { maxLength: 3 }).map((places): Confusion => {
  const counts: Confusion = new Map();
  for (const place of places) addCount(counts, place, 1);
  return counts;
});
const point: fc.Arbitrary<PointTally> = fc.record({
  attacked: small,
  correct: small,
  fooled: small,
  confidence: real,
  largestDistance: real,
  confusion,
  examples,
});
const attack: fc.Arbitrary<AttackTally> = fc.record({
  attacked: small,
  fooled: many(small, budgets),
  forwards: count,
  gradients: count,
  seconds: real,
  distances: fc.array(real, { maxLength: 3 }),
});
const measured = fc.option(real);
/** What became of a sample, and where it was fooled. */
const fate = fc.oneof(
  fc.record({
    outcome: fc.constantFrom("misclassified", "skipped", "error", "not-fooled"),
    epsilon: fc.constant(null),
    attack: fc.constant(null),
  }),
  fc.record({
    outcome: fc.constant("fooled"),
    epsilon: fc.constantFrom(...epsilons),
    attack: fc.constantFrom(...names),
  }),
) as fc.Arbitrary<Pick<SampleRecord, "outcome" | "epsilon" | "attack">>;
const record: fc.Arbitrary<SampleRecord> = fc
  .record({
    index: count,
    label,
    prediction,
    margin: real,
    adversarialPrediction: fc.option(prediction),
    linf: measured,
    l2: measured,
    l1: measured,
    l0: measured,
    queries: count,
    forwards: count,
    gradients: count,
    seconds: real,
    source: fc.constant(null),
  })
  .chain((rest) => fate.map((what) => ({ ...rest, ...what })));
/** A record of each sample from a place on. */
const recordsFrom = (from: number, samples: number) =>
  many(record, samples).map((records) => records.map((one, i) => ({ ...one, index: from + i })));

/** What records add up to. */
function sumsOf(records: readonly SampleRecord[]) {
  const right = records.filter((one) => one.label === one.prediction);
  const confusion: Confusion = new Map();
  for (const one of records) if (one.prediction >= 0) addCount(confusion, one.label * classes + one.prediction, 1);
  return {
    records: [...records],
    correct: right.length,
    confusion,
    worst: epsilons.map((epsilon): WorstTally => {
      const left = right.filter((one) => one.outcome !== "fooled" || one.epsilon! > epsilon);
      return { correct: left.length, errors: 0, notFooled: left.slice(0, 3).map(({ index }) => index) };
    }),
  };
}

const linearity: fc.Arbitrary<LinearityTally> = fc.record({
  samples: small,
  points: many(fc.record({ predicted: real, predictedClipped: real, measured: real }), budgets),
  dimensions: many(fc.record({ dimensions: count, predicted: real, measured: real, random: real }), 2),
});

/** The tally of a batch of so many samples. */
const tallyOf = (samples: number, from: number): fc.Arbitrary<Tally> =>
  recordsFrom(from, samples).chain((records) =>
    fc
      .record({
        total: fc.constant(samples),
        cleanExamples: examples,
        points: many(point, points),
        attacks: many(attack, attacks),
        linearity: fc.option(linearity),
        invalid: count,
        deadGradients: small,
        nanGradients: small,
        tinyGradients: small,
        unitScores: small,
        labelScores: small,
        forwards: count,
        gradients: count,
      })
      .map((rest) => ({ ...rest, ...sumsOf(records) })),
  );

/** The tallies of a whole run. */
export const run: fc.Arbitrary<Tally[]> = fc
  .tuple(
    ...Array.from({ length: Math.ceil(total / batch) }, (_, i) =>
      tallyOf(Math.min(batch, total - i * batch), i * batch),
    ),
  )
  .map((tallies) => [...tallies]);
