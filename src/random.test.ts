import { describe, expect, it } from "vitest";
import { RANDOM_KEYS } from "../test/support/random-keys.ts";
import { philox, randomFor } from "./random.ts";

const hex = (words: Uint32Array): string => Array.from(words, (w) => w.toString(16).padStart(8, "0")).join(" ");

describe("Philox4x32-10", () => {
  // Random123 1.14, tests/kat_vectors.
  it.each([
    [[0, 0, 0, 0], [0, 0], "6627e8d5 e169c58d bc57ac4c 9b00dbd8"],
    [[0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff], "408f276d 41c83b0e a20bc7c6 6d5451fd"],
    [[0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0], "d16cfe09 94fdcceb 5001e420 24126ea1"],
  ] as const)("counter %j, key %j", (counter, key, expected) => expect(hex(philox(counter, key))).toBe(expected));
});

describe("randomFor", () => {
  const draws = (count: number, ...[seed, sample, stream, step]: Parameters<typeof randomFor>) => {
    const random = randomFor(seed, sample, stream, step);
    return Array.from({ length: count }, () => random.uint32());
  };

  it("counts blocks of Philox under (seed, sample, stream, step)", () => {
    const words = [0, 1].flatMap((block) => [...philox([block, 5, 4, 3], [0x89abcdef, 0x1234567 & 0x1fffff])]);
    expect(draws(8, (0x1234567 & 0x1fffff) * 2 ** 32 + 0x89abcdef, 3, 4, 5)).toEqual(words);
  });

  it("gives the same stream whatever was drawn elsewhere", () => {
    const alone = draws(10, 1, 7);
    const [a, b] = [randomFor(1, 7), randomFor(1, 8)];
    const interleaved = Array.from({ length: 10 }, () => {
      b.normal();
      return a.uint32();
    });
    expect(interleaved).toEqual(alone);
  });

  it("gives another stream for another seed, sample, stream or step", () => {
    expect(new Set(RANDOM_KEYS.map((key) => String(draws(4, key[0], key[1], key[2], key[3])))).size).toBe(
      RANDOM_KEYS.length,
    );
  });

  it("draws neighbours that are uncorrelated", () => {
    const n = 4000;
    for (const stream of [(i: number) => randomFor(i, 0), (i: number) => randomFor(0, i)]) {
      const first = Float64Array.from({ length: n }, (_, i) => stream(i).uniform() - 0.5);
      const correlation = first.reduce((sum, v, i) => sum + v * first[(i + 1) % n]!, 0) / n / (1 / 12);
      // Four standard errors.
      expect(Math.abs(correlation)).toBeLessThan(4 / Math.sqrt(n));
    }
  });
});

describe("distributions", () => {
  const n = 100_000;
  const sample = (draw: (random: ReturnType<typeof randomFor>) => number) => {
    const random = randomFor(42, 0);
    return Float64Array.from({ length: n }, () => draw(random));
  };
  const moment = (values: Float64Array, power: number) => values.reduce((sum, v) => sum + v ** power, 0) / n;
  /** The moment is within five standard errors, told from the variance of v^power. */
  const expectMoment = (values: Float64Array, power: number, expected: number) => {
    const deviation = Math.sqrt(moment(values, 2 * power) - moment(values, power) ** 2);
    expect(Math.abs(moment(values, power) - expected)).toBeLessThan((5 * deviation) / Math.sqrt(n));
  };

  it("uniform() has the moments of [0, 1), and 24 bits", () => {
    const values = sample((random) => random.uniform());
    for (const power of [1, 2, 3]) expectMoment(values, power, 1 / (power + 1));
    expect(values.every((v) => v >= 0 && v < 1 && Number.isInteger(v * 2 ** 24))).toBe(true);
  });

  it("normal() has the moments of a standard normal", () => {
    const values = sample((random) => random.normal());
    for (const [power, expected] of [
      [1, 0],
      [2, 1],
      [3, 0],
      [4, 3],
    ] as const)
      expectMoment(values, power, expected);
    expect(values.every(Number.isFinite)).toBe(true);
  });

  it("normal() has the distribution function of a standard normal", () => {
    const values = sample((random) => random.normal()).sort();
    // Quantiles of the standard normal to 10 digits.
    for (const [z, p] of [
      [-1.644853627, 0.05],
      [-0.6744897502, 0.25],
      [0, 0.5],
      [1.2815515655, 0.9],
      [2.326347874, 0.99],
    ] as const) {
      const share = values.filter((v) => v < z).length / n;
      expect(Math.abs(share - p)).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / n));
    }
  });

  it.each([1, 2, 3, 10, 1000])("integer(%i) is uniform by the chi-squared test", (k) => {
    const random = randomFor(1, k);
    const counts = new Float64Array(k);
    for (let i = 0; i < n; i++) counts[random.integer(k)]! += 1;
    const chi2 = counts.reduce((sum, c) => sum + (c - n / k) ** 2 / (n / k), 0);
    // Mean k - 1, standard deviation √(2(k - 1)).
    expect(Math.abs(chi2 - (k - 1))).toBeLessThanOrEqual(5 * Math.sqrt(2 * (k - 1)));
  });

  it("integer() draws again where a remainder would be biased", () => {
    // Of 2^32 values, 3·2^30 is a limit that a plain remainder passes one time in four: 0 to 2^30 - 1 would come twice as often.
    const random = randomFor(2, 0);
    const k = 3 * 2 ** 30;
    let low = 0;
    for (let i = 0; i < n; i++) low += Number(random.integer(k) < 2 ** 30);
    expect(Math.abs(low / n - 1 / 3)).toBeLessThan(5 * Math.sqrt(2 / 9 / n));
  });
});
