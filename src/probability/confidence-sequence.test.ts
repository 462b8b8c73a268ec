import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { randomFor } from "../random.ts";
import { confidenceSequence } from "./confidence-sequence.ts";

/** By scipy: tools/confidence-sequence-reference.py. */
const reference = JSON.parse(
  readFileSync(new URL("../../test/fixtures/probability/confidence-sequence.json", import.meta.url), "utf8"),
) as readonly (readonly [k: number, n: number, alpha: number, weight: number, low: number, high: number])[];

const ALPHA = 0.05;
const interval = (k: number, n: number, weight = 100) => confidenceSequence(k, n, { alpha: ALPHA, weight });

/** What somebody has who bets on each draw, 1 for a success, that it is not p. */
const wealth = (draws: readonly number[], p: number, w: number): number =>
  draws.reduce((sum, draw, n) => {
    const k = draws.slice(0, n).reduce((a, b) => a + b, 0);
    const bet = (k + w * p) / (n + w);
    return sum * (draw === 1 ? bet / p : (1 - bet) / (1 - p));
  }, 1);

describe("confidenceSequence", () => {
  it.each(reference)("%i of %i at α = %d, weight %d", (k, n, alpha, weight, low, high) => {
    const [a, b] = confidenceSequence(k, n, { alpha, weight });
    expect(Math.abs(a - low)).toBeLessThanOrEqual(1e-11 * low);
    expect(Math.abs(b - high)).toBeLessThanOrEqual(1e-11 * (1 - high) + 2e-14);
  });

  it("ends where bets, one after the other, have won 1/α; in which order the draws came does not matter", () => {
    for (const [k, n, w] of [
      [2, 5, 3],
      [12, 40, 0.5],
      [30, 40, 25],
      [88, 90, 400],
    ] as const)
      for (const p of interval(k, n, w)) {
        const draws = Array.from({ length: n }, (_, i) => Number(i < k));
        if (p < 1) expect(wealth(draws, p, w)).toBeCloseTo(1 / ALPHA, 8);
        if (p < 1) expect(wealth(draws.reverse(), p, w)).toBeCloseTo(1 / ALPHA, 8);
      }
  });

  it("has a closed form after two successes: (w + 1/p) / (w + 1) = 1/α", () => {
    for (const w of [0.1, 1, 250]) {
      const [low, high] = interval(2, 2, w);
      expect(Math.abs(low * ((w + 1) / ALPHA - w) - 1)).toBeLessThan(1e-12);
      expect(high).toBe(1);
      expect(interval(0, 2, w)).toEqual([0, 1 - low]);
    }
  });

  it("knows nothing without draws, and refuses what are no counts", async () => {
    expect([interval(0, 0), interval(1, 1)]).toEqual([
      [0, 1],
      [0, 1],
    ]);
    for (const [k, n, alpha, weight] of [
      [2, 1, 0.05, 1],
      [-1, 1, 0.05, 1],
      [0.5, 1, 0.05, 1],
      [Number.NaN, 1, 0.05, 1],
      [1, 1, 0, 1],
      [1, 1, 1, 1],
      [1, 1, 0.05, 0],
      [1, 1, 0.05, Number.POSITIVE_INFINITY],
    ] as const)
      await failure("usage", () => confidenceSequence(k, n, { alpha, weight }));
  });

  it("ever misses p in few of many runs, and not in next to none", () => {
    const [runs, most] = [1000, 2000];
    for (const p of [0.5, 0.9]) {
      // The counts whose intervals hold p: both ends rise with n.
      const holding = Array.from({ length: most + 1 }, () => [0, 0] as [number, number]);
      for (let n = 1, [first, last] = [0, 0]; n <= most; n++) {
        while (interval(first, n)[1] < p) first++;
        while (last < n && interval(last + 1, n)[0] < p) last++;
        holding[n] = [first, last];
      }
      let missed = 0;
      for (let run = 0; run < runs; run++) {
        const random = randomFor(1, run);
        for (let n = 1, k = 0; n <= most; n++) {
          if (random.uniform() < p) k++;
          if (k >= holding[n]![0] && k <= holding[n]![1]) continue;
          missed++;
          break;
        }
      }
      expect(missed / runs).toBeLessThan(ALPHA + 3 * Math.sqrt((ALPHA * (1 - ALPHA)) / runs));
      expect(missed / runs).toBeGreaterThan(0.01);
    }
  });
});
