import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Batch, batchRanges, bytesSource, type Dataset, withShape } from "./dataset.ts";
import { PerturbError } from "./errors.ts";

describe("batchRanges", () => {
  it("covers offset … offset + limit once, in order, in pieces of at most a batch", () => {
    const small = fc.nat(50);
    fc.assert(
      fc.property(small, fc.integer({ min: 1, max: 60 }), small, small, (size, batch, offset, limit) => {
        const ranges = [...batchRanges(size, { batch, offset, limit })];
        const covered = ranges.flatMap(([start, end]) => Array.from({ length: end - start }, (_, i) => start + i));
        expect(covered).toEqual(Array.from({ length: size }, (_, i) => i).slice(offset, offset + limit));
        for (const [start, end] of ranges.slice(0, -1)) expect(end - start).toBe(batch);
      }),
    );
  });

  it.each([
    [{ batch: 0 }, "batch"],
    [{ batch: 1.5 }, "batch"],
    [{ batch: Number.NaN }, "batch"],
    [{ batch: 1, offset: -1 }, "offset"],
    [{ batch: 1, limit: -1 }, "limit"],
    [{ batch: 1, limit: Number.NaN }, "limit"],
  ])("refuses %o", (options, option) => {
    expect(() => [...batchRanges(10, options)]).toThrow(
      expect.objectContaining({ code: "usage", data: expect.objectContaining({ option }) }),
    );
  });

  it("takes an infinite limit or batch as all", () => {
    expect([...batchRanges(5, { batch: Number.POSITIVE_INFINITY, limit: Number.POSITIVE_INFINITY })]).toEqual([[0, 5]]);
  });
});

it("bytesSource gives fewer bytes where the source ends", async () => {
  const source = bytesSource("b", Uint8Array.of(1, 2, 3));
  expect([...(await source.read(1, 9))]).toEqual([2, 3]);
  expect([...(await source.read(5, 9))]).toEqual([]);
});

describe("withShape", () => {
  const dataset = (shape: number[]): Dataset => ({
    name: "d",
    size: 1,
    shape,
    classes: 1,
    async *batches(): AsyncGenerator<Batch> {
      const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i);
      yield { indices: Int32Array.of(0), x: { type: "float32", dims: [1, ...shape], data }, labels: Int32Array.of(0) };
    },
  });

  it.each([
    [[6], [1, 2, 3]],
    [[3, 2, 2], [12]],
    [
      [1, 4, 5],
      [4, 5],
    ],
    [
      [1, 4, 5],
      [4, 5, 1],
    ],
  ])("sees [%o] as [%o], elements in the same order", async (from, to) => {
    const seen = withShape(dataset(from), to);
    expect(seen.shape).toEqual(to);
    for await (const { x } of seen.batches({ batch: 1 })) {
      expect(x.dims).toEqual([1, ...to]);
      expect(x.data).toEqual(Float32Array.from(x.data, (_, i) => i));
    }
  });

  it.each([
    [
      [3, 4, 5],
      [4, 5, 3],
    ],
    [
      [4, 5, 3],
      [3, 4, 5],
    ],
  ])("transposes pictures from [%o] to [%o], and back, and says so", async (from, to) => {
    const there = withShape(dataset(from), to);
    expect(there.notes?.map(({ code }) => code)).toEqual(["transposed"]);
    const [channels, height, width] = from[0] === 3 ? from : [from[2]!, from[0]!, from[1]!];
    for await (const { x } of there.batches({ batch: 1 })) {
      expect(x.dims).toEqual([1, ...to]);
      for (let c = 0; c < channels!; c++)
        for (let i = 0; i < height! * width!; i++) {
          const [planes, rows] = [c * height! * width! + i, i * channels! + c];
          expect(x.data[from[0] === 3 ? rows : planes]).toBe(from[0] === 3 ? planes : rows);
        }
    }
    for await (const { x } of withShape(there, from).batches({ batch: 1 }))
      expect(x.data).toEqual(Float32Array.from(x.data, (_, i) => i));
  });

  it.each([
    [
      [4, 5, 3],
      [5, 4, 3],
    ],
    [
      [3, 4, 5],
      [5, 4, 3],
    ],
    [
      [3, 4, 5],
      [3, 20],
    ],
    [
      [1, 4, 5],
      [1, 5, 4],
    ],
    [[6], [7]],
  ])("refuses to see [%o] as [%o]", (from, to) => {
    expect(() => withShape(dataset(from), to)).toThrow(PerturbError);
  });
});
