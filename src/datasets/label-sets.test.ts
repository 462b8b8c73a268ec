import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { floats } from "../../test/support/models.ts";
import { bytesSource } from "../dataset.ts";
import type { Tensor } from "../tensor.ts";
import { openNpy, openNpz } from "./arrays.ts";
import { writeNpy } from "./npy.ts";
import { writeNpz } from "./npz.ts";

describe("sets of labels", () => {
  const images = floats([3, 2, 2], new Array(12).fill(0.5));
  const sets = [1, 0, 1, 0, 0, 0, 1, 1, 0];
  it.each([
    ["bool", { type: "bool", dims: [3, 3], data: Uint8Array.from(sets) }],
    ["uint8", { type: "uint8", dims: [3, 3], data: Uint8Array.from(sets) }],
    ["int64", { type: "int64", dims: [3, 3], data: BigInt64Array.from(sets, BigInt) }],
    ["float64", { type: "float64", dims: [3, 3], data: Float64Array.from(sets) }],
    ["float16", { type: "float16", dims: [3, 3], data: Uint16Array.from(sets, (v) => v * 0x3c00) }],
  ] satisfies [string, Tensor][])(
    "of %s are read where they are asked for, and refused with the way to them",
    async (_, y) => {
      const bytes = writeNpz({ x: images, y });
      const source = bytesSource("sets.npz", bytes);
      const dataset = await openNpz({ name: "sets", source, multiLabel: true });
      expect(dataset.labelSets).toEqual({ type: "float32", dims: [3, 3], data: Float32Array.from(sets) });
      expect([dataset.labels, dataset.classes]).toEqual([undefined, 1]);
      const npy = { images: bytesSource("x.npy", writeNpy(images)), labels: bytesSource("y.npy", writeNpy(y)) };
      expect((await openNpy({ name: "sets", ...npy, multiLabel: true })).labelSets).toEqual(dataset.labelSets);
      const error = await failure("invalid-file", () => openNpz({ name: "sets", source }));
      expect(error.message).toMatch(/say so \(`head: "multi-label"`\)/);
    },
  );

  it("are matrices of 0 and 1, one row for each sample", async () => {
    const opened = (dims: number[], data: number[]) =>
      openNpz({
        name: "sets",
        multiLabel: true,
        source: bytesSource(
          "sets.npz",
          writeNpz({ x: images, y: { type: "float32", dims, data: Float32Array.from(data) } }),
        ),
      });
    await failure("invalid-file", () => opened([3], [0, 1, 1]));
    await failure("invalid-file", () => opened([3, 1], [0, 1, 1]));
    await failure("invalid-file", () => opened([3, 2], [0, 1, 1, 0.5, 0, 0]));
    await failure("invalid-file", () => opened([3, 2], [0, 1, 1, Number.NaN, 0, 0]));
    await failure("mismatch", () => opened([2, 3], [0, 1, 1, 0, 0, 0]));
  });
});
