import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { collect } from "../../test/support/datasets.ts";
import type { Dataset } from "../dataset.ts";
import { drawn, samplesAt, shuffled } from "./draw.ts";
import { datasetOf } from "./in-memory.ts";

/** A set whose sample number i holds i, with these numbers of samples for each class, sorted by class. */
const sorted = (counts: readonly number[]): Dataset => {
  const labels = counts.flatMap((n, label) => Array.from({ length: n }, () => label));
  return datasetOf({ x: Float32Array.from(labels.keys()), shape: [1], labels, classes: counts.length });
};
const countsOf = (labels: readonly number[], classes: number): number[] =>
  Array.from({ length: classes }, (_, c) => labels.filter((label) => label === c).length);
const indicesOf = (data: Dataset, count: number, seed = 0) => [...drawn(data, count, seed).drawn!.indices];

describe("drawn", () => {
  it("takes of each class its share", async () => {
    const { labels } = await collect(drawn(sorted([40, 40, 40, 40]), 40, 0), { batch: 7 });
    expect(countsOf(labels, 4)).toEqual([10, 10, 10, 10]);
    const uneven = await collect(drawn(sorted([1000, 10, 500]), 151, 3), { batch: 50 });
    expect(countsOf(uneven.labels, 3)).toEqual([100, 1, 50]);
  });

  it("gives samples as they are in the set, in its order, whatever the batch", async () => {
    const data = sorted([30, 50, 20]);
    const all = await collect(drawn(data, 17, 5), { batch: 17 });
    expect(all.x).toEqual(all.indices);
    expect(all.labels).toEqual(all.indices.map((i) => (i < 30 ? 0 : i < 80 ? 1 : 2)));
    expect(all.indices).toEqual([...new Set(all.indices)].sort((a, b) => a - b));
    const parts = await collect(drawn(data, 17, 5), { batch: 4, offset: 3, limit: 9 });
    expect([parts.indices, parts.batches]).toEqual([all.indices.slice(3, 12), [4, 4, 1]]);
  });

  it("depends on the seed alone", () => {
    expect(indicesOf(sorted([50, 50]), 20, 1)).toEqual(indicesOf(sorted([50, 50]), 20, 1));
    expect(indicesOf(sorted([50, 50]), 20, 1)).not.toEqual(indicesOf(sorted([50, 50]), 20, 2));
  });

  it("takes every sample equally often", () => {
    const hits = new Array<number>(12).fill(0);
    for (let seed = 0; seed < 6000; seed++) for (const i of indicesOf(sorted([7, 5]), 4, seed)) hits[i]!++;
    // 2000 each, with a standard deviation of 37.
    for (const count of hits) expect(Math.abs(count - 2000)).toBeLessThan(150);
  });

  it("draws from all alike where labels are not known", () => {
    const { labels: _, ...data } = sorted([100]);
    const indices = indicesOf(data, 10);
    expect([new Set(indices).size, Math.max(...indices) > 50]).toEqual([10, true]);
  });

  it("keeps the shares of any classes, and no sample twice", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 6 }),
        fc.nat(),
        fc.nat(1000),
        (counts, part, seed) => {
          const size = counts.reduce((a, b) => a + b, 0);
          fc.pre(size > 0);
          const count = 1 + (part % size);
          const indices = indicesOf(sorted(counts), count, seed);
          const { labels } = sorted(counts);
          const found = countsOf(
            indices.map((i) => labels![i]!),
            counts.length,
          );
          expect(new Set(indices).size).toBe(count);
          for (const [c, n] of counts.entries())
            expect(Math.abs(found[c]! - (n * count) / size)).toBeLessThan(1 + 1e-9);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("shuffles all alike, in the order of the set inside of each block, whatever the batch", async () => {
    const data = sorted([60, 40]);
    const { indices, x } = await collect(shuffled(data, 100, 3, 20), { batch: 7 });
    expect([x, [...indices].sort((a, b) => a - b)]).toEqual([indices, [...Array(100).keys()]]);
    const blocks = Array.from({ length: 5 }, (_, k) => indices.slice(20 * k, 20 * k + 20));
    for (const block of blocks) expect(block).toEqual([...block].sort((a, b) => a - b));
    expect(shuffled(data, 100, 3, 20).drawn).toMatchObject({ of: 100, seed: 3, shuffled: true });
    // A shorter one is the beginning of a longer one, up to the block that it cuts.
    const part = await collect(shuffled(data, 50, 3, 20), { batch: 50 });
    expect(part.indices.slice(0, 40)).toEqual(indices.slice(0, 40));
    expect((await collect(shuffled(data, 100, 4, 20), { batch: 100 })).indices).not.toEqual(indices);
  });

  it("puts every sample equally often among the first, and classes are not kept in their shares", () => {
    const hits = new Array<number>(12).fill(0);
    const ofOne = new Set<number>();
    for (let seed = 0; seed < 6000; seed++) {
      const first = [...shuffled(sorted([7, 5]), 4, seed, 2).drawn!.indices];
      for (const i of first) hits[i]!++;
      ofOne.add(first.filter((i) => i >= 7).length);
    }
    for (const count of hits) expect(Math.abs(count - 2000)).toBeLessThan(150);
    expect([...ofOne].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4]);
  });

  it("finds samples of a part by their indices in the set", async () => {
    const part = drawn(sorted([30, 50, 20]), 17, 5);
    const [a, b] = [part.drawn!.indices[9]!, part.drawn!.indices[2]!];
    const { x, indices } = await samplesAt(part, [a, b]);
    expect([[...x.data], [...indices]]).toEqual([
      [a, b],
      [a, b],
    ]);
  });
});
