import { expect, it } from "vitest";
import { floats, numbers } from "../../../test/support/models.ts";
import type { Batch } from "../../dataset.ts";
import type { Model } from "../../model.ts";
import { paceFor } from "./pace.ts";

const modelOn = (device: string): Model => ({ runtime: { name: "test", device } }) as unknown as Model;
const batchOf = (n: number): Batch => ({
  indices: Int32Array.from({ length: n }, (_, i) => 7 * i),
  x: floats([n, 2], numbers(2 * n, 1, 0, 1)),
  labels: Int32Array.from({ length: n }, (_, i) => i % 3),
});

/** The sizes of the pieces of batches of 100, where a piece takes so many seconds, and each sample so many of them more. */
function sizes(once: number, each: number, batches: number): number[] {
  const pace = paceFor(modelOn("cpu"))!;
  const found: number[] = [];
  for (let i = 0; i < batches; i++)
    for (const { labels } of pace.pieces(batchOf(100))) {
      const total = labels.length;
      found.push(total);
      pace.took({ total, forwards: 500 * total, gradients: 0 }, once + total * each);
    }
  return found;
}

it("begins with few samples, and goes on with whole batches where these are quick", () => {
  expect(sizes(0, 0.001, 3)).toEqual([2, 16, 82, 100, 100]);
});

it("gives no more at a time than take some seconds, and never a single sample", () => {
  expect(sizes(0, 0.25, 1).slice(0, 4)).toEqual([2, 12, 12, 12]);
  expect(sizes(0, 2, 1).slice(0, 5)).toEqual([2, 4, 2, 2, 2]);
  expect(Math.min(...sizes(0, 60, 2))).toBe(2);
});

it("goes on with more where few take as long", () => {
  // As long as a call takes more than its samples.
  expect(sizes(20, 0.01, 4)).toEqual([2, 4, 8, 16, 32, 38, 64, 36, 100, 100]);
  expect(sizes(2, 0.1, 3).slice(-4)).toEqual([32, 32, 32, 4]);
});

it("gives all of a batch, in order, in arrays of their own", () => {
  const pace = paceFor(modelOn("cpu"))!;
  const batch = batchOf(9);
  const pieces = [...pace.pieces(batch)];
  expect(pieces.map(({ labels }) => labels.length)).toEqual([2, 2, 2, 3]);
  expect(pieces.flatMap(({ indices }) => [...indices])).toEqual([...batch.indices]);
  expect(pieces.flatMap(({ labels }) => [...labels])).toEqual([...batch.labels]);
  expect(pieces.flatMap(({ x }) => [...x.data])).toEqual([...batch.x.data]);
  for (const { x } of pieces) expect(x.data.buffer.byteLength).toBe(x.data.byteLength);
  expect([...pace.pieces(batchOf(1))].map(({ labels }) => labels.length)).toEqual([1]);
});

it("leaves batches as they are where time does not follow the number of samples", () => {
  expect(paceFor(modelOn("webgpu"))).toBeUndefined();
  expect(paceFor(modelOn("http://host/v2/models/m"))).toBeUndefined();
});
