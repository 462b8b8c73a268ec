import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { floats } from "../../test/support/models.ts";
import { tensor } from "../tensor.ts";
import { examplesIn, fedArray, feedIn } from "./written-examples.ts";

const BUDGETS = [0.1, 0.1, 8 / 255, 8 / 255];
const ints = (...values: number[]) => tensor("int32", [values.length], Int32Array.from(values));
const written = new Map(
  Object.entries({
    x_adv: floats([4, 2], [1, 2, 3, 4, 5, 6, 7, 8]),
    label: ints(3, 1, 3, 1),
    epsilon: tensor("float64", [4], Float64Array.from(BUDGETS)),
    [fedArray("a/b")]: tensor("int64", [4, 1], BigInt64Array.of(7n, 8n, 7n, 8n)),
  }).map(([name, t]) => [name, () => t]),
);

describe("what an attack wrote", () => {
  it("is taken at the largest ε, or at the one that is meant by six digits", async () => {
    const largest = examplesIn(written, "f.npz")!;
    expect(largest.images).toEqual(floats([2, 2], [1, 2, 3, 4]));
    expect(largest.assumption).toContain("Another is chosen by `dataEpsilon`. It holds what was given beside");
    expect(largest.assumption).toContain("a/b=f.npz");
    for (const epsilon of [8 / 255, 0.0313725]) {
      const other = examplesIn(written, "f.npz", epsilon)!;
      expect(other.images).toEqual(floats([2, 2], [5, 6, 7, 8]));
      expect(other.classes).toEqual(ints(3, 1));
      expect(other.assumption).toContain("at ε = 8/255 of 8/255, 0.1 were taken");
    }
    expect((await failure("usage", () => examplesIn(written, "f.npz", 0.2))).message).toContain("those at 8/255, 0.1");
  });

  it("has what an input was fed for its samples, once for each", () => {
    expect(feedIn(written, "a/b", "f.npz")).toEqual(tensor("int64", [2, 1], BigInt64Array.of(7n, 8n)));
  });
});

describe("what an input is fed", () => {
  it("is the array of its name, or the only one", async () => {
    const one = floats([1], [5]);
    const two = floats([1], [6]);
    expect(feedIn(new Map([["x", () => one]]), "meta", "f.npz")).toBe(one);
    const both = new Map([
      ["x", () => one],
      ["meta", () => two],
    ]);
    expect(feedIn(both, "meta", "f.npz")).toBe(two);
    expect((await failure("mismatch", () => feedIn(both, "other", "f.npz"))).message).toContain("it holds x, meta");
  });
});
