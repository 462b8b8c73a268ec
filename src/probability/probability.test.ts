import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { binomialUpperTail, clopperPearsonLower, fairCoinTest } from "./binomial.ts";
import { normalQuantile } from "./normal.ts";

/** scipy's values, confirmed with 50 digits: tools/probability-reference.py. */
const reference = JSON.parse(
  readFileSync(new URL("../../test/fixtures/probability/reference.json", import.meta.url), "utf8"),
) as {
  readonly quantiles: readonly [number, number][];
  readonly bounds: readonly [number, number, number, number][];
  readonly tests: readonly [number, number, number][];
};

describe("normalQuantile", () => {
  it.each(reference.quantiles)("of %d is %d", (p, expected) =>
    expect(Math.abs(normalQuantile(p) - expected)).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(expected) * 1e-3)),
  );

  it("has infinite ends, and none beyond", () => {
    expect([0, 1, -0.1, 1.1, Number.NaN].map(normalQuantile)).toEqual([
      Number.NEGATIVE_INFINITY,
      Number.POSITIVE_INFINITY,
      Number.NaN,
      Number.NaN,
      Number.NaN,
    ]);
  });
});

describe("binomialUpperTail", () => {
  it("equals the sum of its terms", () => {
    const choose = (n: number, k: number): number => (k === 0 ? 1 : (choose(n - 1, k - 1) * n) / k);
    for (const n of [1, 2, 7, 30])
      for (let k = 0; k <= n; k++)
        for (const p of [1e-6, 0.1, 0.5, 0.77, 0.999]) {
          let sum = 0;
          for (let i = n; i >= k; i--) sum += choose(n, i) * p ** i * (1 - p) ** (n - i);
          expect(Math.abs(binomialUpperTail(n, k, p) / sum - 1)).toBeLessThan(1e-12);
        }
  });

  it("is 0 and 1 where it must be", () => {
    expect([
      binomialUpperTail(5, 0, 0.3),
      binomialUpperTail(5, 6, 0.3),
      binomialUpperTail(5, 3, 0),
      binomialUpperTail(5, 3, 1),
    ]).toEqual([1, 0, 0, 1]);
  });
});

describe("clopperPearsonLower", () => {
  it.each(reference.bounds)("of %d in %d draws at α = %d is %d", (k, n, alpha, expected) => {
    const bound = clopperPearsonLower(k, n, alpha);
    expect(Math.abs(bound / expected - 1)).toBeLessThan(1e-11);
    expect(bound).toBeLessThan(expected);
  });

  it("has the closed form α^(1/n) where all draws succeed, and is 0 where none does", () => {
    for (const n of [1, 10, 100, 100_000])
      expect(Math.abs(clopperPearsonLower(n, n, 0.001) / 0.001 ** (1 / n) - 1)).toBeLessThan(2e-12);
    expect(clopperPearsonLower(0, 100, 0.001)).toBe(0);
  });

  it("rises with the successes", () => {
    const bounds = Array.from({ length: 401 }, (_, k) => clopperPearsonLower(k, 400, 0.001));
    expect(bounds.every((bound, k) => k === 0 || bound > bounds[k - 1]!)).toBe(true);
    // Very many and very few: from every start, Newton's steps arrive.
    for (const k of [1, 2, 1000, 5e8, 999_999_999]) expect(clopperPearsonLower(k, 1e9, 1e-12)).toBeLessThan(k / 1e9);
  });

  it.each([
    [-1, 10, 0.1],
    [11, 10, 0.1],
    [0.5, 10, 0.1],
    [0, 0, 0.1],
    [5, 10, 0],
    [5, 10, 1],
    [5, 10, Number.NaN],
  ])("refuses k = %d, n = %d, α = %d", (k, n, alpha) =>
    expect(() => clopperPearsonLower(k, n, alpha)).toThrow(/0 < α < 1, got k = /),
  );
});

describe("fairCoinTest", () => {
  it.each(reference.tests)("of %d in %d tosses is %d", (k, n, expected) =>
    expect(Math.abs(fairCoinTest(k, n) / expected - 1)).toBeLessThan(1e-11),
  );
});
