import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exact } from "./statistics.ts";
import {
  addTally,
  EXAMPLES,
  type LinearityTally,
  type PointTally,
  REMEMBERED,
  type Shown,
  type Tally,
} from "./tally.ts";

const CLASSES = 3;
const count = fc.nat(1000);
const real = fc.double({ min: -50, max: 50, noNaN: true }).map((v) => exact(v) + 0);
const confusion = fc
  .array(count, { minLength: CLASSES ** 2, maxLength: CLASSES ** 2 })
  .map((v) => new Map(v.entries()));
const shown: fc.Arbitrary<Shown> = fc.record({
  index: count,
  label: count,
  prediction: count,
  confidence: fc.constant(0.5),
  shape: fc.constant([1]),
  original: fc.constant(new Float32Array(1)),
  adversarial: fc.constant(new Float32Array(1)),
});
const examples = fc.array(shown, { maxLength: EXAMPLES });
const point: fc.Arbitrary<PointTally> = fc.record({
  attacked: count,
  correct: count,
  fooled: count,
  confidence: real,
  largestDistance: fc.double({ min: 0, max: 1, noNaN: true }),
  confusion,
  examples,
});
const linearity: fc.Arbitrary<LinearityTally> = fc.record({
  samples: count,
  points: fc.tuple(fc.record({ predicted: real, predictedClipped: real, measured: real })).map((v) => [...v]),
  dimensions: fc
    .tuple(fc.record({ dimensions: fc.constant(16), predicted: real, measured: real, random: real }))
    .map((v) => [...v]),
});
const tally: fc.Arbitrary<Tally> = fc.record({
  total: count,
  correct: count,
  confusion,
  cleanExamples: examples,
  points: fc.tuple(point, point).map((v) => [...v]),
  linearity: fc.option(linearity),
  worst: fc
    .tuple(fc.record({ correct: count, errors: count, notFooled: fc.array(count, { maxLength: REMEMBERED }) }))
    .map((v) => [...v]),
  attacks: fc
    .tuple(
      fc.record({
        attacked: count,
        fooled: fc.tuple(count, count).map((v) => [...v]),
        forwards: count,
        gradients: count,
        seconds: real,
        distances: fc.array(real, { maxLength: 4 }),
      }),
    )
    .map((v) => [...v]),
  records: fc.constant([]),
  invalid: count,
  deadGradients: count,
  nanGradients: count,
  tinyGradients: count,
  unitScores: count,
  labelScores: count,
  forwards: count,
  gradients: count,
});

const sum = (tallies: readonly Tally[]): Tally => {
  const [first, ...rest] = structuredClone(tallies as Tally[]);
  for (const next of rest) addTally(first!, next);
  return first!;
};

describe("addTally", () => {
  it("gives the same sum for any grouping of batches", () => {
    fc.assert(
      fc.property(fc.array(tally, { minLength: 2, maxLength: 6 }), fc.nat(), (tallies, cut) => {
        const at = 1 + (cut % (tallies.length - 1));
        expect(sum([sum(tallies.slice(0, at)), sum(tallies.slice(at))])).toEqual(sum(tallies));
      }),
    );
  });

  it("adds counts, keeps the largest distance and the first examples", () => {
    fc.assert(
      fc.property(fc.array(tally, { minLength: 1, maxLength: 6 }), (tallies) => {
        const all = sum(tallies);
        const added = (of: (t: Tally) => number) => tallies.reduce((total, t) => total + of(t), 0);
        for (const key of [
          "total",
          "correct",
          "invalid",
          "deadGradients",
          "nanGradients",
          "tinyGradients",
          "unitScores",
          "labelScores",
          "forwards",
          "gradients",
        ] as const)
          expect(all[key]).toBe(added((t) => t[key]));
        expect(all.points[1]!.largestDistance).toBe(Math.max(...tallies.map((t) => t.points[1]!.largestDistance)));
        expect(all.points[0]!.examples).toEqual(tallies.flatMap((t) => t.points[0]!.examples).slice(0, EXAMPLES));
        expect(all.worst[0]!.correct).toBe(added((t) => t.worst[0]!.correct));
        expect(all.worst[0]!.notFooled).toEqual(tallies.flatMap((t) => t.worst[0]!.notFooled).slice(0, REMEMBERED));
        expect(all.attacks[0]!.fooled[1]).toBe(added((t) => t.attacks[0]!.fooled[1]!));
        expect(all.attacks[0]!.distances).toEqual(tallies.flatMap((t) => t.attacks[0]!.distances));
        expect(all.cleanExamples).toEqual(tallies.flatMap((t) => t.cleanExamples).slice(0, EXAMPLES));
        expect(all.confusion.get(4) ?? 0).toBe(added((t) => t.confusion.get(4) ?? 0));
        expect(all.points[1]!.confusion.get(8) ?? 0).toBe(added((t) => t.points[1]!.confusion.get(8) ?? 0));
        expect(all.linearity?.samples ?? 0).toBe(added((t) => t.linearity?.samples ?? 0));
        if (all.linearity) expect(all.linearity.dimensions[0]!.dimensions).toBe(16);
      }),
    );
  });

  it("does not change what is added", () => {
    fc.assert(
      fc.property(tally, tally, (a, b) => {
        const before = structuredClone(b);
        addTally(structuredClone(a), b);
        expect(b).toEqual(before);
      }),
    );
  });
});
