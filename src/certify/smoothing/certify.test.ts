import { describe, expect, it } from "vitest";
import { datasetOf } from "../../datasets/in-memory.ts";
import { callbackModel } from "../../models/callback.ts";
import { normalQuantile } from "../../probability/normal.ts";
import type { FloatTensor } from "../../tensor.ts";
import { certifySample, certifySmoothing, predictSample, type SmoothedSample } from "./certify.ts";
import { counterOf } from "./counter.ts";

const W = [0.6, -1.2, 0.4];
const NORM = Math.hypot(...W);

/** Two classes, divided by the plane W x = 0.1: the smoothed classifier has the same plane, and its radius is the distance from it. */
const scoreOf = (x: ArrayLike<number>, at = 0): number => W.reduce((sum, w, j) => sum + w * x[at + j]!, -0.1);
const linear = callbackModel({
  name: "linear",
  inputShape: [3],
  classes: 2,
  ask: async (x) => {
    const n = x.dims[0]!;
    const data = Float32Array.from({ length: 2 * n }, (_, i) => (i % 2 === 0 ? 0 : scoreOf(x.data, (i >> 1) * 3)));
    return { type: "float32", dims: [n, 2], data };
  },
});
const answers = (scores: readonly number[]) =>
  callbackModel({
    name: "constant",
    inputShape: [3],
    classes: scores.length,
    ask: async ({ dims: [n] }) => ({
      type: "float32",
      dims: [n!, scores.length],
      data: Float32Array.from({ length: n! * scores.length }, (_, i) => scores[i % scores.length]!),
    }),
  });

const SAMPLES = 30;
const x: FloatTensor = {
  type: "float32",
  dims: [SAMPLES, 3],
  data: Float32Array.from({ length: 3 * SAMPLES }, (_, i) => ((i * 7919) % 101) / 101),
};
const labels = Int32Array.from({ length: SAMPLES }, (_, i) => (scoreOf(x.data, 3 * i) > 0 ? 1 : 0));
const data = datasetOf({ name: "points", x, labels, classes: 2 });
const collect = async (options: Partial<Parameters<typeof certifySmoothing>[2]> = {}): Promise<SmoothedSample[]> => {
  const found: SmoothedSample[] = [];
  for await (const sample of certifySmoothing(linear, data, { sigma: 0.25, draws: 2000, ...options }))
    found.push({ ...sample, seconds: 0 });
  return found;
};

describe("certifySmoothing", () => {
  it("never certifies more than the distance from a plane, and nearly all of it where draws allow", async () => {
    const found = await collect();
    for (const [i, sample] of found.entries()) {
      const distance = Math.abs(scoreOf(x.data, 3 * i)) / NORM;
      expect(sample.radius).toBeLessThanOrEqual(distance);
      if (!sample.abstained) expect(sample.class).toBe(labels[i]);
      if (distance < 0.4) expect(distance - sample.radius).toBeLessThan(0.06);
    }
    expect(found.filter(({ abstained }) => !abstained).length).toBeGreaterThan(20);
  });

  it("counts what the normal distribution says", async () => {
    const found = await collect({ draws: 20_000, limit: 5 });
    for (const [i, { count, abstained }] of found.entries()) {
      if (abstained) continue;
      const share = count / 20_000;
      const expected = Math.abs(scoreOf(x.data, 3 * i)) / NORM / 0.25;
      // Four standard errors of the share, as a quantile.
      expect(Math.abs(normalQuantile(share) - expected)).toBeLessThan(0.1 * Math.max(1, expected));
    }
  });

  it("gives the same whatever the batch, the first sample and what is done already", async () => {
    const all = await collect();
    expect(await collect({ batch: 7 })).toEqual(all);
    expect(await collect({ offset: 3, limit: 4 })).toEqual(all.slice(3, 7));
    const told: number[] = [];
    const known = (index: number) => (index < 29 ? all[index] : undefined);
    expect(await collect({ known, onCertified: ({ index }) => void told.push(index) })).toEqual(all);
    expect(told).toEqual([29]);
    expect(await collect({ seed: 1 })).not.toEqual(all);
  });

  it("takes draws of any range", async () => {
    const count = counterOf(linear, { sigma: 0.5, seed: 3 });
    const around = { x: x.data.subarray(0, 3), sample: 9, stream: "estimation" as const };
    const whole = await count({ ...around, from: 0, to: 1000 });
    const parts = [await count({ ...around, from: 0, to: 333 }), await count({ ...around, from: 333, to: 1000 })];
    expect(parts[0]!.map((c, j) => c + parts[1]![j]!)).toEqual(whole);
    expect(await count({ ...around, stream: "selection", from: 0, to: 1000 })).not.toEqual(whole);
  });

  it("stops between two batches", async () => {
    await expect(collect({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "cancelled" });
  });
});

describe("a model whose answers are", () => {
  const plan = { sigma: 0.25, selection: 100, draws: 1000, alpha: 0.001 };
  const certified = (scores: readonly number[]) =>
    certifySample(counterOf(answers(scores), { sigma: 0.25, seed: 0 }), { x: x.data.subarray(0, 3), sample: 0 }, plan);

  it("always one class reaches the largest radius, σ Φ⁻¹(α^(1/n))", async () => {
    const { radius, ...rest } = await certified([0, 2, 1]);
    expect(Math.abs(radius / (0.25 * normalQuantile(0.001 ** (1 / 1000))) - 1)).toBeLessThan(1e-9);
    expect(rest).toMatchObject({ class: 1, abstained: false, count: 1000 });
  });

  it("NaN belong to no class", async () => {
    expect(await certified([0, Number.NaN, 1])).toEqual({ class: -1, radius: 0, abstained: true, lower: 0, count: 0 });
  });

  it("equal belong to the first class", async () => expect((await certified([0, 3, 3])).class).toBe(1));
});

describe("predictSample", () => {
  it("gives the class of the side, and abstains on the plane", async () => {
    const count = counterOf(linear, { sigma: 0.25, seed: 0 });
    const plan = { draws: 1000, alpha: 0.001 };
    const at = (...point: number[]) => predictSample(count, { x: Float32Array.from(point), sample: 0 }, plan);
    expect([await at(1, 0, 0), await at(0, 1, 0), await at(1 / 6, 0, 0)]).toEqual([1, 0, -1]);
  });
});

describe("options that are refused", () => {
  it.each([
    [{ sigma: 0 }, /`sigma`\) must be a number above 0 .*got 0/],
    [{ sigma: Number.NaN }, /above 0 .*got NaN/],
    [{ draws: 9 }, /With `draws: 9` and `alpha: 0.001` nothing can be certified.*`draws` of at least 40,/],
    [{ draws: 1.5 }, /`draws`\) must be a whole number of at least 1/],
    [{ selection: 0 }, /`selection`\) must be/],
    [{ alpha: 1 }, /`alpha`\) lies between 0 and 1/],
    [{ seed: -1 }, /`seed` must be/],
  ])("%j", async (options, message) => expect(collect(options)).rejects.toThrow(message));
});
