import { describe, expect, it } from "vitest";
import { floats, linearGraph, numbers, open, using } from "../../../test/support/models.ts";
import { judge } from "../../attack.ts";
import type { DifferentiableModel, Goal } from "../../model.ts";
import { l0 } from "../../norm.ts";
import type { FloatTensor } from "../../tensor.ts";
import { salientPair } from "./jsma/salient-pair.ts";
import { type JsmaOptions, jsma } from "./jsma.ts";

describe("the most salient pair", () => {
  const product = (a: Float32Array, b: Float32Array, p: number, q: number): number => {
    const [rise, fall] = [a[p]! + a[q]!, b[p]! + b[q]!];
    return rise > 0 && fall > 0 ? rise * fall : 0;
  };
  /** The largest product, of all pairs. */
  const largest = (a: Float32Array, b: Float32Array, free: Uint8Array): number => {
    let most = 0;
    for (let p = 0; p < a.length; p++)
      for (let q = 0; q < p; q++) if (free[p] && free[q]) most = Math.max(most, product(a, b, p, q));
    return most;
  };

  it.each([
    ["independent", 0, 1],
    ["alike", 1, 0.3],
    ["opposed", -1, 0.3],
    ["the same", 1, 0],
    ["nearly opposed", -1, 0.01],
  ])("is that of all pairs: slopes that are %s", (_, share, rest) => {
    for (let seed = 1; seed <= 40; seed++) {
      // Quarters, so that there are ties.
      const round = (v: number) => (seed % 2 === 0 ? Math.round(4 * v) / 4 : v);
      const a = numbers(60, seed).map(round);
      const b = numbers(60, seed + 1000).map((v, i) => round(share * a[i]! + rest * v));
      const free = Uint8Array.from(numbers(60, seed + 2000), (v) => Number(v > -0.5));
      const pair = salientPair(a, b, free);
      expect(pair ? product(a, b, ...pair) : 0).toBe(largest(a, b, free));
      if (pair) expect([pair[0] !== pair[1], free[pair[0]], free[pair[1]]]).toEqual([true, 1, 1]);
    }
  });

  it("is none where no pair raises the one and lowers the others, and leaves out NaN", () => {
    const all = new Uint8Array(3).fill(1);
    const of = (...values: number[]) => Float32Array.from(values);
    expect(salientPair(of(1, 2, 3), of(-1, -2, -3), all)).toBeUndefined();
    expect(salientPair(of(0, 0, 0), of(0, 0, 0), all)).toBeUndefined();
    expect(salientPair(of(1, 1, 1), of(1, 1, 1), Uint8Array.of(0, 1, 0))).toBeUndefined();
    expect(salientPair(of(Number.NaN, 2, 3), of(1, 2, 3), all)?.toSorted()).toEqual([1, 2]);
  });

  it("of the pixels of a large photograph takes no matrix of them", () => {
    const size = 3 * 224 * 224;
    const a = numbers(size, 1);
    const b = numbers(size, 2);
    const pair = salientPair(a, b, new Uint8Array(size).fill(1))!;
    expect(product(a, b, ...pair)).toBeGreaterThan(3.9);
  });
});

// Raised from 0 to 1, the elements add 3, 2, -4 and 1 to class 1, and 0, -.5, 0 and .1 to class 2. Class 0 leads by 3.
const weights = Float32Array.of(0, 3, 0, 0, 2, -0.5, 0, -4, 0, 0, 1, 0.1);
const bias = [3, 0, 0];
const black = floats([1, 4], [0, 0, 0, 0]);

async function attacked(
  model: DifferentiableModel,
  x: FloatTensor,
  goal: Goal,
  options: Partial<JsmaOptions> = {},
): Promise<{ point: number[]; success: boolean }> {
  const indices = Int32Array.of(0);
  const [candidates] = await jsma.propose({ model, x, goal, norm: l0, epsilons: [4], indices, seed: 0 }, options);
  const { adversarial, success } = await judge(model, x, candidates!, goal, l0, 4);
  return { point: [...adversarial.data], success: success[0] === 1 };
}

const labels = Int32Array.of(0);
const goals: Goal[] = [
  { kind: "untargeted", labels },
  { kind: "targeted", labels, targets: Int32Array.of(1) },
];

describe.each(goals)("$kind, on a linear model", (goal) => {
  it("raises the two steepest elements", async () =>
    using(open(linearGraph([4], weights, bias)), async (model) =>
      expect(await attacked(model, black, goal)).toEqual({ point: [1, 1, 0, 0], success: true }),
    ));

  it("lowers them with a negative θ", async () =>
    using(
      open(
        linearGraph(
          [4],
          weights.map((v) => -v),
          [3, 2, 0],
        ),
      ),
      async (model) => {
        const white = floats([1, 4], [1, 1, 1, 1]);
        expect(await attacked(model, white, goal, { theta: -1 })).toEqual({ point: [0, 0, 1, 1], success: true });
      },
    ));

  it("changes an element again until it meets its bound, and no more elements than γ allows", async () =>
    using(open(linearGraph([4], weights, bias)), async (model) => {
      expect(await attacked(model, black, goal, { theta: 0.5 })).toEqual({ point: [1, 1, 0, 0], success: true });
      expect(await attacked(model, black, goal, { gamma: 0.25 })).toEqual({ point: [0, 0, 0, 0], success: false });
    }));
});

it("with logits, weighs the target against the sum of the others", async () =>
  using(open(linearGraph([4], weights, bias)), async (model) => {
    // The pairs of elements 0 and 1, (3 + 2)(0 + .5), and 1 and 3, (2 + 1)(.5 - .1); all others raise the sum, or lower the target.
    expect(await attacked(model, black, goals[1]!, { outputs: "logits" })).toEqual({
      point: [1, 1, 0, 0],
      success: true,
    });
    // No element lowers the logit of the label, which is constant.
    expect(await attacked(model, black, goals[0]!, { outputs: "logits" })).toMatchObject({ success: false });
  }));

it("refuses options that make no sense", async () =>
  using(open(linearGraph([4], weights, bias)), async (model) => {
    const outputs = "loss" as "logits";
    for (const options of [{ theta: 0 }, { theta: 2 }, { gamma: -1 }, { gamma: 2 }, { outputs }])
      await expect(attacked(model, black, goals[0]!, options)).rejects.toMatchObject({ code: "usage" });
  }));
