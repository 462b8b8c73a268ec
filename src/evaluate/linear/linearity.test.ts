import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { floats, numbers, open, twoClassGraph, using } from "../../../test/support/models.ts";
import type { GraphModel } from "../../models/classifier/graph-model.ts";
import { type NormName, norms } from "../../norm.ts";
import type { FloatTensor } from "../../tensor.ts";
import { measureLinearity } from "./linearity.ts";

const n = 3;
const zeros = { kind: "untargeted", labels: new Int32Array(n) } as const;
const indices = Int32Array.from({ length: n }, (_, i) => i);
/** Pixels away from the bounds, so that a step of up to 0.2 is not cut. */
const inside = (shape: readonly number[], seed: number): FloatTensor =>
  floats([n, ...shape], numbers(n * shape.reduce((a, b) => a * b, 1), seed, 0.3, 0.7));
const softplus = (m: number) => Math.log1p(Math.exp(-Math.abs(m))) + Math.max(0, m);
const l1 = (v: Float32Array) => v.reduce((sum, w) => sum + Math.abs(w), 0);
const lengths: Record<NormName, (v: Float32Array) => number> = {
  linf: (v) => Math.max(...v.map(Math.abs)),
  l1,
  l2: (v) => Math.hypot(...v),
  l0: () => Number.NaN,
  spatial: () => Number.NaN,
};

async function margins(model: GraphModel, x: FloatTensor): Promise<number[]> {
  const { data } = await model.logits(x);
  return Array.from({ length: data.length / 2 }, (_, i) => data[2 * i + 1]! - data[2 * i]!);
}
const measure = async (model: GraphModel, x: FloatTensor, norm: NormName, epsilons: readonly number[]) =>
  measureLinearity(
    { model, x, goal: zeros, indices, seed: 0, start: await model.gradient(x, zeros) },
    norms[norm],
    epsilons,
  );

describe("a linear model", () => {
  it.each(["linf", "l2", "l1"] as const)(
    "%s: the margin rises by exactly ε times the dual norm of its gradient",
    async (name) => {
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 1, max: 40 }),
          fc.nat(),
          fc.double({ min: 0.001, max: 0.15, noNaN: true }),
          async (d, seed, epsilon) => {
            const w = numbers(d, seed);
            await using(open(twoClassGraph(w, 0.1)), async (model) => {
              const x = inside([d], seed + 1);
              const { gradient, loss } = await model.gradient(x, zeros, "margin");
              const norm = norms[name];
              const dual = lengths[norm.dual](w);
              const before = await margins(model, x);
              const moved = floats([n, d], x.data);
              for (let i = 0; i < n; i++) {
                const part = (t: FloatTensor) => t.data.subarray(i * d, (i + 1) * d);
                expect(norms[norm.dual].length(part(gradient))).toBeCloseTo(dual, 5);
                expect(loss.data[i]).toBeCloseTo(before[i]!, 5);
                norm.ascend(part(moved), part(x), part(gradient), epsilon, model.bounds);
              }
              for (const [i, after] of (await margins(model, moved)).entries())
                expect(Math.abs(after - before[i]! - epsilon * dual)).toBeLessThan(1e-6 * (d + 1));
            });
          },
        ),
        { numRuns: 15 },
      );
    },
  );

  it.each(["linf", "l2", "l1"] as const)(
    "%s: prediction and measure of the cross-entropy have their closed forms",
    async (name) => {
      const w = numbers(20, 2);
      const dual = lengths[norms[name].dual](w);
      await using(open(twoClassGraph(w, -0.2)), async (model) => {
        const x = inside([20], 3);
        const m = await margins(model, x);
        const epsilons = [0, 0.05, 0.2];
        const { samples, points } = await measure(model, x, name, epsilons);
        expect(samples).toBe(n);
        for (const [k, epsilon] of epsilons.entries()) {
          // J = softplus(m), so its gradient is sigmoid(m)·w; the step raises m by ε times the dual norm of w.
          const predicted = m.reduce((sum, v) => sum + (epsilon * dual) / (1 + Math.exp(-v)), 0);
          const measured = m.reduce((sum, v) => sum + softplus(v + epsilon * dual) - softplus(v), 0);
          expect(points[k]!.predicted).toBeCloseTo(predicted, 5);
          expect(points[k]!.predictedClipped).toBeCloseTo(predicted, 5);
          expect(points[k]!.measured).toBeCloseTo(measured, 5);
        }
      });
    },
  );

  it("predictedClipped counts what the bounds leave", async () => {
    const w = Float32Array.of(1, 1, -2);
    await using(open(twoClassGraph(w)), async (model) => {
      const x = floats([n, 3], Array.from({ length: n }, () => [0.95, 0.5, 0]).flat());
      const { points } = await measure(model, x, "linf", [0.1]);
      const slope = 1 / (1 + Math.exp(-1.45));
      expect(points[0]!.predicted).toBeCloseTo(n * slope * 0.4, 5);
      expect(points[0]!.predictedClipped).toBeCloseTo(n * slope * 0.15, 5);
    });
  });

  it("towards a target, what rises is the negative loss", async () => {
    const w = numbers(8, 4);
    await using(open(twoClassGraph(w)), async (model) => {
      const x = inside([8], 5);
      const goal = { kind: "targeted", labels: zeros.labels, targets: new Int32Array(n).fill(1) } as const;
      const m = await margins(model, x);
      const { points } = await measureLinearity(
        { model, x, goal, indices, seed: 0, start: await model.gradient(x, goal) },
        norms.linf,
        [0.1],
      );
      const measured = m.reduce((sum, v) => sum + softplus(-v) - softplus(-v - 0.1 * l1(w)), 0);
      expect(points[0]!.measured).toBeCloseTo(measured, 5);
    });
  });
});

describe("growth with dimension", () => {
  it("the rise grows with d for signs of the gradient, and with √d for random signs", async () => {
    const rises = [16, 64, 256, 1024, 4096].map((d) => {
      const w = numbers(d, d).map((v) => Math.sign(v));
      const trials = 400;
      let squares = 0;
      for (let t = 0; t < trials; t++)
        squares += numbers(d, 10_000 + t).reduce((sum, v, j) => sum + Math.sign(v) * w[j]!, 0) ** 2;
      return { d, w, random: Math.sqrt(squares / trials) };
    });
    for (const { d, w, random } of rises) {
      await using(open(twoClassGraph(w)), async (model) => {
        const x = inside([d], 1);
        const { gradient } = await model.gradient(x, zeros, "margin");
        const before = await margins(model, x);
        const after = await margins(
          model,
          floats(
            [n, d],
            x.data.map((v, i) => v + 0.01 * Math.sign(gradient.data[i]!)),
          ),
        );
        expect((after[0]! - before[0]!) / (0.01 * d)).toBeCloseTo(1, 3);
      });
      // The root mean square over 400 trials, within four of its standard errors.
      expect(Math.abs(random / Math.sqrt(d) - 1)).toBeLessThan(4 / Math.sqrt(2 * 400));
    }
  });

  it("blocks of pixels: from one free dimension to all, each predicted by the sums of the gradient over its blocks", async () => {
    const [c, h, w] = [2, 4, 4];
    const weights = numbers(c * h * w, 6).map((v) => v / 100);
    await using(open(twoClassGraph(weights, 0, [c, h, w])), async (model) => {
      const x = inside([c, h, w], 7);
      const epsilon = 0.05;
      const { dimensions } = await measure(model, x, "linf", [0, epsilon, 0.1]);
      expect(dimensions.map((d) => d.dimensions)).toEqual([2, 8, 32]);
      const m = await margins(model, x);
      for (const [k, side] of [4, 2, 1].entries()) {
        const sums = new Map<string, number>();
        weights.forEach((v, p) => {
          const key = [Math.floor(p / 16), Math.floor((p % 16) / 4 / side), Math.floor((p % 4) / side)].join();
          sums.set(key, (sums.get(key) ?? 0) + v);
        });
        const length = [...sums.values()].reduce((sum, v) => sum + Math.abs(v), 0);
        const predicted = m.reduce((sum, v) => sum + (epsilon * length) / (1 + Math.exp(-v)), 0);
        expect(dimensions[k]!.predicted).toBeCloseTo(predicted, 6);
        expect(dimensions[k]!.measured).toBeCloseTo(
          m.reduce((sum, v) => sum + softplus(v + epsilon * length) - softplus(v), 0),
          6,
        );
        // Random signs of the blocks lie between the two extremes.
        expect(Math.abs(dimensions[k]!.random)).toBeLessThanOrEqual(dimensions[k]!.measured + 1e-6);
      }
    });
  });

  it("measures no blocks where they mean nothing", async () => {
    await using(open(twoClassGraph(numbers(6, 1), 0, [2, 3])), async (model) => {
      expect((await measure(model, inside([2, 3], 1), "linf", [0.1])).dimensions).toEqual([]);
      expect((await measure(model, inside([2, 3], 1), "l2", [0.1])).dimensions).toEqual([]);
    });
    await using(open(twoClassGraph(numbers(6, 1))), async (model) => {
      expect((await measure(model, inside([6], 1), "linf", [0])).dimensions).toEqual([]);
      expect((await measure(model, inside([6], 1), "linf", [0.1])).dimensions.map((d) => d.dimensions)).toEqual([
        1, 2, 3, 6,
      ]);
    });
  });
});
