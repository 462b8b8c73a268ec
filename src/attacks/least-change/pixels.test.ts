import { describe, expect, it } from "vitest";
import { floats, numbers, open, twoClassGraph, using } from "../../../test/support/models.ts";
import { judge } from "../../attack.ts";
import type { Goal } from "../../model.ts";
import { normFor } from "../../norm.ts";
import { attacks } from "../index.ts";

const PIXELS = 25;
const LAYOUTS = [
  ["first", [3, 5, 5], (p: number, c: number) => PIXELS * c + p],
  ["last", [5, 5, 3], (p: number, c: number) => 3 * p + c],
] as const;

/** Weights by pixel: each has its best channel where others have theirs, so that elements by themselves choose other pixels. */
const weights = (at: (p: number, c: number) => number): Float32Array => {
  const w = new Float32Array(3 * PIXELS);
  const steep = numbers(PIXELS, 5, 0.1, 1);
  for (let p = 0; p < PIXELS; p++)
    // Some have all in one channel, others a little less in each of the three.
    for (let c = 0; c < 3; c++) w[at(p, c)] = p % 2 === 0 ? (c === p % 3 ? steep[p]! : 0) : 0.6 * steep[p]!;
  return w;
};

/** The fewest pixels whose best values raise the margin of a linear model by `needed`. */
function fewest(gainOf: (p: number) => number, needed: number): number {
  const gains = Array.from({ length: PIXELS }, (_, p) => gainOf(p)).sort((a, b) => b - a);
  let sum = 0;
  for (const [k, gain] of gains.entries()) {
    sum += gain;
    if (sum > needed) return k + 1;
  }
  throw new Error("out of reach");
}

describe.each(LAYOUTS)("L0 with the channels %s", (_, shape, at) => {
  const w = weights(at);
  const norm = normFor("l0", shape);
  const goal: Goal = { kind: "untargeted", labels: Int32Array.of(0) };

  const found = async (name: "jsma" | "sigma-zero", value: (i: number) => number, needed: number) => {
    const x = floats(
      [1, ...shape],
      Array.from({ length: 3 * PIXELS }, (_, i) => value(i)),
    );
    const margin = x.data.reduce((sum, v, i) => sum + v * w[i]!, 0);
    return using(open(twoClassGraph(w, -needed - margin, shape)), async (model) => {
      const task = { model, x, goal, norm, epsilons: [Number.POSITIVE_INFINITY], indices: Int32Array.of(0), seed: 0 };
      const [candidate] = await attacks[name].propose(task);
      const { success, distances } = await judge(model, x, candidate!, goal, norm, Number.POSITIVE_INFINITY);
      expect(success[0]).toBe(1);
      return distances[0]!;
    });
  };

  it.each([1, 3, 6])(
    "jsma changes the pixels that raise the most, two at a time, for a margin of %s",
    async (needed) => {
      const best = fewest((p) => [0, 1, 2].reduce((sum, c) => sum + 0.75 * w[at(p, c)]!, 0), needed);
      expect(await found("jsma", () => 0.25, needed)).toBe(2 * Math.ceil(best / 2));
    },
  );

  it.each([0.9, 3, 6])("sigma-zero finds the fewest pixels, for a margin of %s", async (needed) => {
    const values = numbers(3 * PIXELS, 6, 0, 0.4);
    const best = fewest((p) => [0, 1, 2].reduce((sum, c) => sum + (1 - values[at(p, c)]!) * w[at(p, c)]!, 0), needed);
    expect(await found("sigma-zero", (i) => values[i]!, needed)).toBe(best);
  });
});
