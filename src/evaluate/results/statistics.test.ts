import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { accuracyOf, crossEntropy, exact, probability, wilson95 } from "./statistics.ts";

describe("wilson95", () => {
  // The formula of Wilson (1927) in 60 decimal digits; 81/263, 15/148 and 1/29 agree with table I of Newcombe (1998).
  it.each([
    [81, 263, 0.2552885198782742, 0.36620957698280004],
    [15, 148, 0.062386399530736276, 0.16048724172330803],
    [1, 29, 0.00611321429276266, 0.17175521879320288],
    [29, 29, 0.8830302015002592, 1],
    [0, 10, 0, 0.27753279986288926],
    [10, 10, 0.7224672001371107, 1],
    [1, 10, 0.017876213095072903, 0.4041500267952385],
    [0, 1, 0, 0.7934506856227627],
    [1, 1, 0.2065493143772374, 1],
    [940, 10000, 0.08843513913331587, 0.09987666754367353],
    [5000, 10000, 0.49020206181540477, 0.5097979381845952],
    [9742, 10000, 0.9709058811741492, 0.9771299347711011],
    [123456789, 1000000000, 0.12343640161927888, 0.12347717927367159],
  ])("%i of %i", (correct, total, low, high) => {
    const [a, b] = wilson95(correct, total);
    expect(Math.abs(a - low)).toBeLessThan(1e-15);
    expect(Math.abs(b - high)).toBeLessThan(1e-15);
  });

  it("holds the share, lies in [0, 1], and mirrors", () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.nat(1000), (a, b) => {
        const total = a + b;
        const [low, high] = wilson95(a, total);
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
        if (total > 0) expect(low <= a / total && a / total <= high).toBe(true);
        expect(wilson95(b, total)[0]).toBeCloseTo(1 - high, 14);
      }),
    );
  });

  it("knows nothing without samples", () =>
    expect(accuracyOf(0, 0)).toEqual({ correct: 0, total: 0, accuracy: 0, ci95: [0, 1] }));
});

describe("probability and crossEntropy", () => {
  const logits = Float32Array.of(9, 9, 9, Math.log(1), Math.log(2), Math.log(5));

  it("are the softmax and its negative log, of the row asked for", () => {
    for (const [c, p] of [1 / 8, 2 / 8, 5 / 8].entries()) {
      expect(probability(logits, 1, 3, c)).toBeCloseTo(p, 7);
      expect(crossEntropy(logits, 1, 3, c)).toBeCloseTo(-Math.log(p), 7);
    }
    expect(probability(logits, 0, 3, 2)).toBeCloseTo(1 / 3, 15);
  });

  it("neither overflow nor lose the small ones", () => {
    const wide = Float32Array.of(1e4, -1e4);
    expect([0, 1].map((c) => probability(wide, 0, 2, c))).toEqual([1, 0]);
    expect([0, 1].map((c) => crossEntropy(wide, 0, 2, c))).toEqual([0, 2e4]);
    // log(1 + e^-30), whose float32 logits would give 0.
    expect(crossEntropy(Float32Array.of(30, 0), 0, 2, 0)).toBeCloseTo(9.357622968839299e-14, 14);
  });
});

describe("exact", () => {
  it("makes a sum that no order or grouping changes", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { maxLength: 100 }),
        fc.nat(),
        (values, seed) => {
          const terms = values.map(exact);
          const sum = (list: readonly number[]) => list.reduce((a, b) => a + b, 0);
          const at = values.length === 0 ? 0 : seed % values.length;
          const rotated = [...terms.slice(at), ...terms.slice(0, at)].reverse();
          expect(sum(rotated) + 0).toBe(sum(terms) + 0);
          expect(sum(terms.slice(0, at)) + sum(terms.slice(at)) + 0).toBe(sum(terms) + 0);
        },
      ),
    );
  });

  it("moves a value by 2^-31 at most", () => {
    fc.assert(fc.property(fc.double({ min: -1e6, max: 1e6, noNaN: true }), (v) => Math.abs(exact(v) - v) <= 2 ** -31));
  });
});
