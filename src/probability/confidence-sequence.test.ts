import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { randomFor } from "../random.ts";
import { confidenceSequence } from "./confidence-sequence.ts";

/** By scipy: tools/confidence-sequence-reference.py. */
const reference = JSON.parse(
  readFileSync(new URL("../../test/fixtures/probability/confidence-sequence.json", import.meta.url), "utf8"),
) as readonly (readonly [k: number, n: number, alpha: number, low: number, high: number])[];

const ALPHA = 0.05;

describe("confidenceSequence", () => {
  it.each(reference)("%i of %i at α = %d", (k, n, alpha, low, high) => {
    const [a, b] = confidenceSequence(k, n, alpha);
    expect(Math.abs(a - low)).toBeLessThanOrEqual(1e-12 * low);
    expect(Math.abs(b - high)).toBeLessThanOrEqual(1e-12 * (1 - high) + 1e-15);
  });

  it("has a closed form where all draws are alike: (1 - p)^n = α / (n + 1)", () => {
    for (const n of [1, 2, 15, 100, 5000]) {
      const end = Math.exp(Math.log(ALPHA / (n + 1)) / n);
      const [low, high] = confidenceSequence(n, n, ALPHA);
      expect([Math.abs(low - end) < 1e-13, high]).toEqual([true, 1]);
      expect(confidenceSequence(0, n, ALPHA)).toEqual([0, 1 - low]);
    }
  });

  it("knows nothing without draws, and refuses what are no counts", async () => {
    expect(confidenceSequence(0, 0, ALPHA)).toEqual([0, 1]);
    for (const [k, n, alpha] of [
      [2, 1, 0.05],
      [-1, 1, 0.05],
      [0.5, 1, 0.05],
      [1, 1, 0],
      [1, 1, 1],
      [Number.NaN, 1, 0.05],
    ] as const)
      await failure("usage", () => confidenceSequence(k, n, alpha));
  });

  it("ever misses p in few of many runs, and not in next to none", () => {
    const [runs, most] = [1000, 2000];
    for (const p of [0.5, 0.9]) {
      // The counts whose intervals hold p: both ends rise with n.
      const holding = Array.from({ length: most + 1 }, () => [0, 0] as [number, number]);
      for (let n = 1, [first, last] = [0, 0]; n <= most; n++) {
        while (confidenceSequence(first, n, ALPHA)[1] < p) first++;
        while (last < n && confidenceSequence(last + 1, n, ALPHA)[0] < p) last++;
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
      expect(missed / runs).toBeGreaterThan(0.02);
    }
  });
});
