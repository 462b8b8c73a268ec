import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { differenceInterval, mcNemar } from "./paired.ts";

describe("mcNemar", () => {
  // scipy.stats.binomtest(onlyA, onlyA + onlyB, 0.5), 1.17.1; 6 and 16 is the trial of Cavo et al. (2012) as well.
  it.each([
    [1, 7, 0.0703125],
    [6, 16, 0.052478790283203125],
    [0, 5, 0.0625],
    [10, 10, 1],
    [499, 501, 0.9747749818216395],
    [120, 30, 5.973732026445346e-14],
    [1000, 1100, 0.03072070786424249],
    [50_000, 51_000, 0.0016696304559914016],
    [3, 400, 1.056134041536089e-114],
  ])("of %i and %i", (onlyA, onlyB, p) => {
    expect(Math.abs(mcNemar({ onlyA, onlyB }) / p - 1)).toBeLessThan(1e-10);
    expect(mcNemar({ onlyA: onlyB, onlyB: onlyA })).toBe(mcNemar({ onlyA, onlyB }));
  });

  it("says nothing where nothing differs, and ends where no double holds it", () => {
    expect(mcNemar({ onlyA: 0, onlyB: 0 })).toBe(1);
    expect(mcNemar({ onlyA: 0, onlyB: 1100 })).toBe(0);
    expect(mcNemar({ onlyA: 400_000, onlyB: 500_000 })).toBe(0);
  });

  it("is the sum of the tails of the binomial distribution", () => {
    const choose = (n: number, k: number): bigint => {
      let c = 1n;
      for (let i = 1; i <= k; i++) c = (c * BigInt(n - k + i)) / BigInt(i);
      return c;
    };
    fc.assert(
      fc.property(fc.nat(40), fc.nat(40), (onlyA, onlyB) => {
        const [n, k] = [onlyA + onlyB, Math.min(onlyA, onlyB)];
        let tail = 0n;
        for (let i = 0; i <= k; i++) tail += choose(n, i);
        const p = Math.min(1, Number((2n * tail * 10n ** 30n) / 2n ** BigInt(n)) / 1e30);
        expect(mcNemar({ onlyA, onlyB })).toBeCloseTo(p, 12);
      }),
    );
  });
});

describe("differenceInterval", () => {
  const table = (both: number, onlyA: number, onlyB: number, neither: number) => ({ both, onlyA, onlyB, neither });

  it("is that of R's contingencytables for the trial of Cavo et al. (2012)", () => {
    const [low, high] = differenceInterval(table(59, 6, 16, 80));
    expect([low.toFixed(4), high.toFixed(4)]).toEqual(["-0.1186", "-0.0046"]);
  });

  it("holds the difference, lies in [-1, 1], and mirrors", () => {
    const count = fc.nat(300);
    fc.assert(
      fc.property(count, count, count, count, (both, onlyA, onlyB, neither) => {
        const n = both + onlyA + onlyB + neither;
        const [low, high] = differenceInterval(table(both, onlyA, onlyB, neither));
        if (n > 0) expect(low <= (onlyA - onlyB) / n && (onlyA - onlyB) / n <= high).toBe(true);
        expect(low).toBeGreaterThanOrEqual(-1 - 1e-12);
        expect(high).toBeLessThanOrEqual(1 + 1e-12);
        const [other, mirrored] = differenceInterval(table(both, onlyB, onlyA, neither));
        expect(other).toBeCloseTo(-high, 12);
        expect(mirrored).toBeCloseTo(-low, 12);
      }),
    );
  });

  it("covers the truth in some 95 % of all tables that a pair of models can give", () => {
    // All tables of 40 samples, each with its probability: no draw, no noise.
    const n = 40;
    const logs = [0];
    for (let i = 1; i <= n; i++) logs.push(logs[i - 1]! + Math.log(i));
    for (const [p11, p10, p01] of [
      [0.5, 0.2, 0.1],
      [0.7, 0.05, 0.15],
      [0.3, 0.2, 0.2],
    ] as const) {
      let covered = 0;
      for (let a = 0; a <= n; a++)
        for (let b = 0; a + b <= n; b++)
          for (let c = 0; a + b + c <= n; c++) {
            const d = n - a - b - c;
            const [low, high] = differenceInterval(table(a, b, c, d));
            if (p10 - p01 < low || p10 - p01 > high) continue;
            const log = a * Math.log(p11) + b * Math.log(p10) + c * Math.log(p01) + d * Math.log(1 - p11 - p10 - p01);
            covered += Math.exp(logs[n]! - logs[a]! - logs[b]! - logs[c]! - logs[d]! + log);
          }
      expect(covered).toBeGreaterThan(0.94);
      expect(covered).toBeLessThan(0.98);
    }
  });
});
