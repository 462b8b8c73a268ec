import { describe, expect, it } from "vitest";
import { floats, linearGraph } from "../../test/support/models.ts";
import { nodeRuntime } from "../runtime/ort.node.ts";
import { ball } from "./bounds/box.ts";
import { bounds } from "./lower-bounds.ts";

const runtime = nodeRuntime("cpu", 1);
/** y = (x₀ - 2x₁ + ¼, 3x₁) */
const graph = linearGraph([2], Float32Array.of(1, 0, -2, 3), [0.25, 0]);
const limits = { lower: 0, upper: 1 };

describe("bounds of a network", () => {
  it("of a linear one are its least values over the box", async () => {
    const box = ball(floats([2, 2], [0.5, 0.5, 0.25, 0]), 0.25, limits);
    const seed = floats([3, 2], [1, 0, 0, -1, 1, 1]);
    const found = await bounds(graph, box, { seed, samples: Int32Array.of(0, 0, 1) }, { runtime });
    // ¼ - 1½ + ¼, -3·¾, and 0 + 0 + ¼ at the corner of the bounds.
    for (const [i, truth] of [-1, -2.25, 0.25].entries()) {
      expect(found[i]).toBeLessThanOrEqual(truth);
      expect(found[i]).toBeCloseTo(truth, 5);
    }
  });

  const box = ball(floats([1, 2], [0.5, 0.5]), 0.1, limits);
  const rows = { seed: floats([1, 2], [1, 0]), samples: Int32Array.of(0) };
  it.each([
    ["an end on the wrong side", { ...box, lower: floats([1, 2], [0.6, 0.4]) }, rows, "Element 0 of the box"],
    ["NaN", { ...box, upper: floats([1, 2], [0.6, Number.NaN]) }, rows, "Element 1 of the box"],
    ["another shape", { ...box, upper: floats([1, 1], [0.6]) }, rows, "shape of its centre"],
    ["a sample that is not there", box, { ...rows, samples: Int32Array.of(1) }, "from 0 to 0; got 1"],
    ["other outputs", box, { ...rows, seed: floats([1, 3], [1, 0, 0]) }, "outputs"],
    ["infinite coefficients", box, { ...rows, seed: floats([1, 2], [1, Number.POSITIVE_INFINITY]) }, "finite"],
  ])("refuse %s", async (_, given, asked, message) => {
    await expect(bounds(graph, given, asked, { runtime })).rejects.toThrow(message);
  });

  it("refuse other devices", async () => {
    const other = { ...runtime, device: "cuda" as const };
    await expect(bounds(graph, box, rows, { runtime: other })).rejects.toThrow("not for cuda");
  });
});
