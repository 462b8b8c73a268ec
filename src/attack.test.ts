import { afterAll, describe, expect, it } from "vitest";
import { failure } from "../test/support/datasets.ts";
import { dense, floats, graphOf, open, twoClassGraph } from "../test/support/models.ts";
import { judge, predict } from "./attack.ts";
import type { Goal, Model } from "./model.ts";
import { norms } from "./norm.ts";
import type { FloatTensor } from "./tensor.ts";

/** Class 1 where x0 > x1. */
const model = open(twoClassGraph(Float32Array.of(1, -1)));
afterAll(() => model.release());

const zero: Goal = { kind: "untargeted", labels: Int32Array.of(0) };
const x = floats([1, 2], [0.4, 0.5]);
const values = (t: FloatTensor) => [...t.data];

describe("judge", () => {
  it("clips what lies outside the ball, then the bounds, and measures what is left", async () => {
    const verdict = await judge(model, x, floats([1, 2], [9, -9]), zero, norms.linf, 0.25);
    expect(values(verdict.adversarial)).toEqual([Math.fround(Math.fround(0.4) + 0.25), 0.25]);
    expect(verdict.distances[0]).toBeCloseTo(0.25, 7);
    const bounded = await judge(model, x, floats([1, 2], [9, -9]), zero, norms.linf, 5);
    expect(values(bounded.adversarial)).toEqual([1, 0]);
    expect(bounded.distances[0]).toBe(Math.fround(1 - Math.fround(0.4)) > 0.5 ? 1 - Math.fround(0.4) : 0.5);
  });

  it("decides by the model's answer to the clipped candidate, not by what was proposed", async () => {
    const far = floats([1, 2], [1, 0]);
    expect((await judge(model, x, far, zero, norms.linf, 0.01)).success[0]).toBe(0);
    const near = await judge(model, x, floats([1, 2], [1, 0]), zero, norms.linf, 0.1);
    expect([near.success[0], near.predictions[0]]).toEqual([1, 1]);
    expect(near.logits.data[1]! - near.logits.data[0]!).toBeCloseTo(0.1, 6);
  });

  it("knows targeted goals", async () => {
    const towards = (target: number): Goal => ({
      kind: "targeted",
      labels: Int32Array.of(0),
      targets: Int32Array.of(target),
    });
    const candidates = () => floats([1, 2], [1, 0]);
    expect((await judge(model, x, candidates(), towards(1), norms.linf, 1)).success[0]).toBe(1);
    expect((await judge(model, x, candidates(), towards(0), norms.linf, 1)).success[0]).toBe(0);
  });

  it("changes no sample, even when an attack gives them back", async () => {
    const outside = floats([1, 2], [0.4, 7]);
    const verdict = await judge(model, outside, outside, zero, norms.l2, 0.1);
    expect(values(outside)).toEqual([Math.fround(0.4), 7]);
    expect(values(verdict.adversarial)).toEqual([Math.fround(0.4), 1]);
  });

  it("refuses candidates of another shape", async () => {
    for (const dims of [[2, 1], [1, 1, 2], [2]])
      expect(
        (await failure("internal", () => judge(model, x, floats(dims, [0, 0]), zero, norms.linf, 1))).message,
      ).toMatch(`[${dims}]`);
  });

  it("takes NaN logits for no answer, whatever the goal", async () => {
    const silent: Model = { ...model, logits: async () => floats([1, 2], [Number.NaN, 5]) };
    for (const goal of [zero, { kind: "targeted", labels: Int32Array.of(0), targets: Int32Array.of(1) } as Goal]) {
      const verdict = await judge(silent, x, floats([1, 2], [0, 0]), goal, norms.linf, 1);
      expect([verdict.success[0], verdict.predictions[0]]).toEqual([0, -1]);
    }
  });

  it.each(Object.values(norms))(
    "takes NaN in a candidate for no success, even where the model answers ($name)",
    async (norm) => {
      // Greater turns NaN to false: class 0 when x is a number above 0, class 1 otherwise.
      const deaf = open(
        graphOf([2], (b, input) => {
          const above = b.cast(b.add("Greater", [input, b.scalar(0, input)]), "float32");
          return dense(b, above, Float32Array.of(1, 0, 1, 0), [0, 0.5]);
        }),
      );
      // ε = 2 lets even L0 keep both elements.
      const { success, distances, adversarial } = await judge(
        deaf,
        x,
        floats([1, 2], [Number.NaN, Number.NaN]),
        zero,
        norm,
        2,
      );
      expect([success[0], distances[0], adversarial.data]).toEqual([0, 0, x.data]);
      await deaf.release();
    },
  );
});

describe("predict", () => {
  it("gives the first of the largest, and -1 for a row with NaN", () => {
    expect([...predict(floats([4, 3], [1, 2, 2, 3, 3, 3, 0, Number.NaN, 9, -1, -2, -0.5]))]).toEqual([1, 0, -1, 2]);
    expect([...predict(floats([2, 2], [1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0]))]).toEqual([-1, 1]);
    expect([...predict(floats([0, 3], []))]).toEqual([]);
  });
});
