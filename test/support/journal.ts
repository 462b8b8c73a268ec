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
};
const { classes, budgets, points, attacks, batch, total } = EXTENT;

/** Every number that can be counted or measured, those that JSON lacks among them. */
const real = fc.double();
const count = fc.nat();
const small = fc.nat(1);
const many = <T>(value: fc.Arbitrary<T>, length: number) => fc.array(value, { minLength: length, maxLength: length });

const confusion = fc.array(fc.nat(classes ** 2 - 1), { maxLength: 3 }).map((places): Confusion => {
  const counts: Confusion = new Map();
  for (const place of places) addCount(counts, place, 1);
  return counts;
});
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
const point: fc.Arbitrary<PointTally> = fc.record({
  attacked: small,
  correct: small,
  fooled: small,
  confidence: real,
  largestDistance: real,
  confusion,
  examples,
});
const worst: fc.Arbitrary<WorstTally> = fc.record({
  correct: small,
  errors: small,
  notFooled: fc.array(count, { maxLength: 3 }),
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
const record: fc.Arbitrary<SampleRecord> = fc.record({
  index: count,
  label,
  prediction,
  margin: real,
  outcome: fc.constantFrom("misclassified", "skipped", "fooled", "error", "not-fooled"),
  epsilon: measured,
  attack: fc.option(fc.string()),
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
});
const linearity: fc.Arbitrary<LinearityTally> = fc.record({
  samples: small,
  points: many(fc.record({ predicted: real, predictedClipped: real, measured: real }), budgets),
  dimensions: many(fc.record({ dimensions: count, predicted: real, measured: real, random: real }), 2),
});

/** The tally of a batch of so many samples. */
const tallyOf = (samples: number): fc.Arbitrary<Tally> =>
  fc.record({
    total: fc.constant(samples),
    correct: small,
    confusion,
    cleanExamples: examples,
    points: many(point, points),
    worst: many(worst, budgets),
    attacks: many(attack, attacks),
    records: fc.array(record, { maxLength: 3 }),
    linearity: fc.option(linearity),
    invalid: count,
    deadGradients: small,
    nanGradients: small,
    tinyGradients: small,
    unitScores: small,
    labelScores: small,
    forwards: count,
    gradients: count,
  });

/** The tallies of a whole run. */
export const run: fc.Arbitrary<Tally[]> = fc
  .tuple(...Array.from({ length: Math.ceil(total / batch) }, (_, i) => tallyOf(Math.min(batch, total - i * batch))))
  .map((tallies) => [...tallies]);
