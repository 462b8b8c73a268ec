import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { collect, failure } from "../../test/support/datasets.ts";
import { MAX_CLASSES } from "../classes.ts";
import type { FloatTensor } from "../tensor.ts";
import { type ArraysOptions, datasetOf } from "./in-memory.ts";

const N = 11;
const SHAPE = [2, 3];
const DATA = Float32Array.from({ length: 6 * N }, (_, i) => i / 100);
const LABELS = Array.from({ length: N }, (_, i) => (3 * i) % 5);
const x: FloatTensor = { type: "float32", dims: [N, ...SHAPE], data: DATA };

describe("datasetOf", () => {
  it("gives the samples of a tensor, and of a plain array with a shape", async () => {
    for (const given of [{ x }, { x: DATA, shape: SHAPE }, { x: { ...x, dims: [N, 6] }, shape: SHAPE }]) {
      const set = datasetOf({ ...given, labels: LABELS });
      expect(set).toMatchObject({ name: "arrays", size: N, shape: SHAPE, classes: 5 });
      const all = await collect(set, { batch: 4 });
      expect(all).toEqual({ indices: [...LABELS.keys()], labels: LABELS, x: [...DATA], batches: [4, 4, 3] });
    }
  });

  it("gives any part, in order, in batches of any size", async () => {
    const set = datasetOf({ x, labels: Int32Array.from(LABELS) });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 13 }), fc.nat(13), fc.nat(13), async (batch, offset, limit) => {
        const { indices, labels, x: values } = await collect(set, { batch, offset, limit });
        expect(indices).toEqual([...LABELS.keys()].slice(offset, offset + limit));
        expect(labels).toEqual(LABELS.slice(offset, offset + limit));
        expect(values).toEqual([...DATA].slice(6 * offset, 6 * (offset + limit)));
      }),
    );
  });

  it("can be gone through twice, and stops at its signal", async () => {
    const set = datasetOf({ x, labels: LABELS });
    expect(await collect(set, { batch: 2 })).toEqual(await collect(set, { batch: 2 }));
    const stop = new AbortController();
    const got: number[] = [];
    await failure("cancelled", async () => {
      for await (const { indices } of set.batches({ batch: 3, signal: stop.signal })) {
        got.push(...indices);
        if (got.length === 6) stop.abort();
      }
    });
    expect(got).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it("gives batches that may be changed and sent away", async () => {
    const set = datasetOf({ x, labels: LABELS });
    for await (const batch of set.batches({ batch: 4 })) structuredClone(batch.x, { transfer: [batch.x.data.buffer] });
    expect((await collect(set, { batch: N })).x).toEqual([...DATA]);
  });

  it("takes names and a number of classes that not all occur", () => {
    const classNames = ["a", "b", "c", "d", "e", "f"];
    expect(datasetOf({ x, labels: LABELS, classNames, name: "mine" })).toMatchObject({
      name: "mine",
      classes: 6,
      classNames,
    });
    expect(datasetOf({ x, labels: LABELS, classes: MAX_CLASSES }).classes).toBe(MAX_CLASSES);
  });

  const odd = (given: object): ArraysOptions => ({ x, labels: LABELS, ...given });
  it.each([
    ["no labels", "usage", odd({ labels: [] }), /at least one/],
    ["too few labels", "mismatch", odd({ labels: LABELS.slice(1) }), /10 labels and 66 elements.*need 60/],
    ["a label that is not whole", "out-of-bounds", odd({ labels: LABELS.with(3, 0.5) }), /Sample 3 .* 0\.5/],
    ["a label that is no number", "out-of-bounds", odd({ labels: LABELS.with(3, Number.NaN) }), /Sample 3 .* NaN/],
    ["a label below zero", "out-of-bounds", odd({ labels: LABELS.with(10, -1) }), /Sample 10 .* -1/],
    ["a label above the classes", "out-of-bounds", odd({ classes: 4 }), /Sample 3 .* 4\. .* from 0 to 3/],
    ["a label above the names", "out-of-bounds", odd({ classNames: ["a"] }), /Sample 1 .* 3/],
    ["names that are too few", "mismatch", odd({ classNames: ["a"], classes: 5 }), /5 classes and 1 names/],
    ["no class", "usage", odd({ classes: 0 }), /from 1 to/],
    ["an element that is not finite", "out-of-bounds", odd({ x: DATA.with(13, Infinity), shape: SHAPE }), /Sample 2 /],
    ["a plain array without a shape", "usage", odd({ x: DATA }), /shape: \[/],
    ["a shape that is none", "usage", odd({ shape: [2, 0] }), /\[2,0\]/],
    ["a shape of other samples", "mismatch", odd({ shape: [7] }), /\[2,3\] .*\[7\]/],
    ["a tensor that lies about its size", "mismatch", odd({ x: { ...x, dims: [N, 7] } }), /77 elements/],
    ["elements of another type", "usage", odd({ x: { ...x, data: new Float64Array(66) } }), /Float32Array/],
    ["no samples", "usage", odd({ x: undefined }), /Float32Array/],
  ] as const)("refuses %s", async (_, code, options, message) => {
    expect((await failure(code, () => datasetOf(options))).message).toMatch(message);
  });
});
