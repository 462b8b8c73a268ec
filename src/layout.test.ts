import { describe, expect, it } from "vitest";
import { channelAxis, channelOf, fittingShape, isAmbiguous, layoutOf, transposed } from "./layout.ts";

describe("layoutOf", () => {
  it.each<[readonly number[], ReturnType<typeof layoutOf>]>([
    [[3, 8, 9], "channels-first"],
    [[1, 8, 9], "channels-first"],
    [[8, 9, 3], "channels-last"],
    [[8, 9, 1], "channels-last"],
    [[8, 9, 4], "channels-last"],
    [[4, 8, 9], "channels-first"],
    // Four rows of RGB are likelier than four channels in rows of three.
    [[4, 4, 3], "channels-last"],
    // Where both ends can be channels, the first holds them.
    [[3, 8, 3], "channels-first"],
    [[1, 8, 3], "channels-first"],
    [[16, 8, 8], null],
    [[8, 8], null],
    [[30], null],
  ])("of [%s] is %s", (shape, layout) => {
    expect(layoutOf(shape)).toBe(layout);
  });
});

it("names the channel of each element", () => {
  expect(channelAxis([2, 2, 3])).toBe(2);
  expect(Array.from({ length: 6 }, (_, i) => channelOf([1, 2, 3])(i))).toEqual([0, 0, 0, 0, 0, 0]);
  expect(Array.from({ length: 6 }, (_, i) => channelOf([2, 1, 3])(i))).toEqual([0, 1, 2, 0, 1, 2]);
  expect(Array.from({ length: 6 }, (_, i) => channelOf([3, 1, 2])(i))).toEqual([0, 0, 1, 1, 2, 2]);
  expect(Array.from({ length: 3 }, (_, i) => channelOf([3])(i))).toEqual([0, 1, 2]);
});

it("moves axes only between the layouts of one picture", () => {
  expect(transposed([3, 4, 5], [4, 5, 3])).not.toBeNull();
  for (const [from, to] of [
    [
      [3, 4, 5],
      [5, 4, 3],
    ],
    [
      [3, 4, 5],
      [3, 5, 4],
    ],
    [
      [16, 4, 5],
      [4, 5, 16],
    ],
    [[60], [4, 5, 3]],
  ])
    expect(transposed(from!, to!)).toBeNull();
});

it("tells shapes whose channels may stand at either end, and what can be told of them", () => {
  for (const shape of [
    [3, 5, 3],
    [1, 8, 3],
    [3, 3, 3],
  ])
    expect(isAmbiguous(shape)).toBe(true);
  for (const shape of [[3, 5, 4], [1, 8, 1], [1, 1, 1], [3, 3], [3]]) expect(isAmbiguous(shape)).toBe(false);
  const out = new Float32Array(45);
  // [3, 5, 3] can be [3, 3, 5] only with the channels last.
  transposed([3, 5, 3], [3, 3, 5])!(
    Float32Array.from({ length: 45 }, (_, i) => i),
    out,
  );
  expect(out.slice(0, 3)).toEqual(Float32Array.of(0, 3, 6));
  expect(transposed([3, 5, 3], [3, 5, 3])).toBeNull();
});

it("fits a shape to the sizes that a model fixes", () => {
  expect(fittingShape([3, 4, 5], [null, null, 3])).toEqual([4, 5, 3]);
  expect(fittingShape([4, 5, 3], [3, null, null])).toEqual([3, 4, 5]);
  expect(fittingShape([3, 4, 5], [3, null, null])).toEqual([3, 4, 5]);
  expect(fittingShape([3, 4, 5], [1, null, null])).toEqual([3, 4, 5]);
});
