import { describe, expect, it } from "vitest";
import { RANDOM_KEYS } from "../../../test/support/random-keys.ts";
import { normalQuantile } from "../../probability/normal.ts";
import { fillNormals, Xoshiro } from "./normals.ts";

describe("xoshiro128++", () => {
  it("gives the words of the reference implementation, http://xoshiro.di.unimi.it/xoshiro128plusplus.c", () => {
    const source = new Xoshiro([1, 2, 3, 4]);
    const words = new Int32Array(9);
    source.fill(words, 9);
    expect([...new Uint32Array(words.buffer), source.next() >>> 0]).toEqual([
      641, 1573767, 3222811527, 3517856514, 836907274, 4247214768, 3867114732, 1355841295, 495546011, 621204420,
    ]);
  });
});

describe("fillNormals", () => {
  const drawn = (count: number, key: readonly [number, number, number, number]): Float32Array => {
    const out = new Float32Array(count);
    fillNormals(out, [0, count], key);
    return out;
  };

  it("fills what it is told to, and gives the same whenever it is asked", () => {
    const out = new Float32Array(3000).fill(7);
    fillNormals(out, [500, 2900], [2 ** 40 + 3, 5, 1, 99]);
    expect([...out.slice(0, 500), ...out.slice(2900)]).toEqual(Array(600).fill(7));
    expect(out.slice(500, 2900)).toEqual(drawn(2400, [2 ** 40 + 3, 5, 1, 99]));
  });

  it("gives other numbers for another seed, sample, stream or draw", () => {
    expect(new Set(RANDOM_KEYS.map((key) => String(drawn(4, key)))).size).toBe(RANDOM_KEYS.length);
  });
});

/** More by hand: NUMBERS=1e9 npm test -- src/certify/smoothing/normals.test.ts */
const NUMBERS = Number(process.env["NUMBERS"] ?? 2e7);
const SIZE = 784;
const DRAWS = Math.ceil(NUMBERS / SIZE);
const TOTAL = DRAWS * SIZE;
const BINS = 4096;

/** Of many draws: the sums of powers, how many numbers are beyond some, and how many fall between quantiles. */
function measured() {
  const powers = new Float64Array(13);
  const beyond = [3, 4, 5, 6].map((at) => ({ at, below: 0, above: 0 }));
  const edges = Float64Array.from({ length: BINS - 1 }, (_, k) => normalQuantile((k + 1) / BINS));
  const bins = new Float64Array(BINS);
  let [neighbours, draws, squares] = [0, 0, 0];
  let before = new Float32Array(SIZE);
  for (let draw = 0; draw < DRAWS; draw++) {
    const z = new Float32Array(SIZE);
    fillNormals(z, [0, SIZE], [11, 3, 1, draw]);
    for (let i = 0; i < SIZE; i++) {
      const v = z[i]!;
      let power = 1;
      for (let p = 1; p <= 12; p++) powers[p]! += power *= v;
      if (Math.abs(v) > 3) for (const tail of beyond) tail[v < 0 ? "below" : "above"] += Number(Math.abs(v) > tail.at);
      bins[binOf(edges, v)]! += 1;
      const left = z[i > 0 ? i - 1 : SIZE - 1]!;
      neighbours += v * left;
      squares += (v * v - 1) * (left * left - 1);
      draws += v * before[i]!;
    }
    before = z;
  }
  return { moment: (p: number) => powers[p]! / TOTAL, beyond, bins, neighbours, squares, draws };
}

/** The place of a number among ascending ones. */
function binOf(edges: Float64Array, v: number): number {
  let [low, high] = [0, edges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (v < edges[middle]!) high = middle;
    else low = middle + 1;
  }
  return low;
}

describe("many numbers", () => {
  const found = measured();

  // 1·3·5·… for even powers.
  it.each([
    [1, 0],
    [2, 1],
    [3, 0],
    [4, 3],
    [5, 0],
    [6, 15],
  ])("have the moment of power %d", (power, expected) => {
    const evens = [1, 1, 3, 15, 105, 945, 10395];
    const deviation = Math.sqrt(evens[power]! - expected ** 2);
    expect(Math.abs(found.moment(power) - expected) / deviation).toBeLessThan(4.5 / Math.sqrt(TOTAL));
  });

  // 1 - Φ(3), …, by scipy.stats.norm.sf.
  it.each([
    [0, 1.3498980316300933e-3],
    [1, 3.167124183311986e-5],
    [2, 2.866515718791933e-7],
    [3, 9.865876450376946e-10],
  ])("are beyond 3, 4, 5 and 6 as often as they should be, on both sides (%d)", (i, p) => {
    for (const side of ["below", "above"] as const) {
      const expected = p * TOTAL;
      expect(Math.abs(found.beyond[i]![side] - expected)).toBeLessThan(4.5 * Math.sqrt(expected) + 3);
    }
  });

  it("have the distribution function of the normal distribution (Kolmogorov and Smirnov), and as many between its quantiles (χ²)", () => {
    let [sum, largest, chi2] = [0, 0, 0];
    for (const [k, count] of found.bins.entries()) {
      sum += count;
      largest = Math.max(largest, Math.abs(sum / TOTAL - (k + 1) / BINS));
      chi2 += (count - TOTAL / BINS) ** 2 / (TOTAL / BINS);
    }
    // Exceeded by one of 10,000 generators that are right.
    expect(largest * Math.sqrt(TOTAL)).toBeLessThan(2.23);
    expect(Math.abs(chi2 - (BINS - 1))).toBeLessThan(4.5 * Math.sqrt(2 * (BINS - 1)));
  });

  it("are not correlated with their neighbours, or those of the next draw at the same place", () => {
    expect(Math.abs(found.neighbours)).toBeLessThan(4.5 * Math.sqrt(TOTAL));
    expect(Math.abs(found.squares)).toBeLessThan(4.5 * Math.sqrt(4 * TOTAL));
    expect(Math.abs(found.draws)).toBeLessThan(4.5 * Math.sqrt(TOTAL));
  });
});
