import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { first100 } from "../../test/support/training.ts";
import { lenet } from "../architectures/lenet.ts";
import { small } from "../architectures/small.ts";
import type { Dataset } from "../dataset.ts";
import { drawMasks } from "./dropout.ts";
import { initializers } from "./initializers.ts";
import { loadSamples, shuffledOrder } from "./samples.ts";
import { schedules } from "./schedule.ts";
import { initialVector, parameterViews } from "./vector.ts";

const range = (n: number): Int32Array => Int32Array.from({ length: n }, (_, i) => i);
const mean = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0) / values.length;

describe("dropout masks", () => {
  it.each([0.5, 0.25, 0.3, 0.9])("drop the share %d and keep the mean", (ratio) => {
    const { a } = drawMasks({ a: { ratio, mask: [10, 2] } }, range(2000), 1, 0);
    expect(a!.dims).toEqual([2000, 10, 2]);
    const kept = a!.data.filter((v) => v !== 0);
    expect(new Set(kept)).toEqual(new Set([Math.fround(1 / (1 - ratio))]));
    // Six standard deviations of a share of 40,000.
    expect(Math.abs(1 - kept.length / 40_000 - ratio)).toBeLessThan(6 * Math.sqrt((ratio * (1 - ratio)) / 40_000));
  });

  it("belong to samples, not to batches", () => {
    const whole = drawMasks(lenet.dropout, range(20), 7, 3);
    const some = drawMasks(lenet.dropout, Int32Array.of(13, 4), 7, 3);
    for (const [name, { data, dims }] of Object.entries(some)) {
      const size = data.length / dims[0]!;
      const row = (i: number) => whole[name]!.data.slice(i * size, (i + 1) * size);
      expect(data.slice(0, size)).toEqual(row(13));
      expect(data.slice(size)).toEqual(row(4));
    }
  });

  it("differ by seed, epoch, sample and site", () => {
    const mask = [64];
    const sites = { a: { ratio: 0.5, mask }, b: { ratio: 0.5, mask } };
    const { a, b } = drawMasks(sites, range(2), 1, 0);
    const others = [drawMasks(sites, range(1), 2, 0).a!, drawMasks(sites, range(1), 1, 1).a!];
    const rows = [a!.data.slice(0, 64), a!.data.slice(64), b!.data.slice(0, 64), ...others.map(({ data }) => data)];
    expect(new Set(rows.map(String)).size).toBe(5);
    // Bits of one word are independent, too: no two elements agree over all samples.
    const many = drawMasks({ a: sites.a }, range(64), 1, 0).a!.data;
    const columns = Array.from({ length: 64 }, (_, j) => Array.from({ length: 64 }, (_, i) => many[i * 64 + j]).join());
    expect(new Set(columns).size).toBe(64);
  });
});

describe("first weights", () => {
  it("are uniform in ±1/√fan_in, biases too", () => {
    const views = parameterViews(lenet, initialVector(lenet, 3, initializers.torch));
    for (const [name, fanIn] of Object.entries({ conv1: 25, conv2: 250, fc1: 320, fc2: 50 })) {
      const bound = 1 / Math.sqrt(fanIn);
      for (const kind of ["weight", "bias"])
        expect(Math.max(...views[`${name}.${kind}`]!.data.map(Math.abs))).toBeLessThanOrEqual(bound);
      const weights = views[`${name}.weight`]!.data;
      const deviation = bound / Math.sqrt(3);
      expect(Math.abs(mean(weights))).toBeLessThan((5 * deviation) / Math.sqrt(weights.length));
      expect(Math.sqrt(mean(weights.map((v) => v * v))) / deviation).toBeCloseTo(1, 0);
    }
  });

  it("keep the widths of intervals, for methods for proofs", () => {
    const views = parameterViews(small, initialVector(small, 3, initializers.intervals));
    for (const [name, fanIn] of Object.entries({ conv1: 16, conv2: 256, fc1: 1568, fc2: 100 })) {
      const weights = views[`${name}.weight`]!.data;
      // Behind such a layer an interval is as wide as half of the sum of sizes: E|w| fan_in / 2 = 1, of two that are both above 0 (Shi et al., eq. 9).
      expect(Math.abs((mean(weights.map(Math.abs)) * fanIn) / 2 - 1)).toBeLessThan(4 / Math.sqrt(weights.length));
      expect(new Set(views[`${name}.bias`]!.data)).toEqual(new Set([0]));
    }
  });

  it("depend on the seed alone", () => {
    expect(initialVector(lenet, 3, initializers.torch)).toEqual(initialVector(lenet, 3, initializers.torch));
    expect(initialVector(lenet, 3, initializers.torch)).not.toEqual(initialVector(lenet, 4, initializers.torch));
  });
});

describe("the order of samples", () => {
  it("is a permutation, another one in each epoch", () => {
    const order = shuffledOrder(1000, 1, 0);
    expect(order).not.toEqual(range(1000));
    expect(order.toSorted()).toEqual(range(1000));
    expect(shuffledOrder(1000, 1, 1)).not.toEqual(order);
    expect(shuffledOrder(1000, 2, 0)).not.toEqual(order);
    expect(shuffledOrder(1000, 1, 0)).toEqual(order);
  });

  it("is unbiased", () => {
    const seen = new Map<string, number>();
    for (let seed = 0; seed < 6000; seed++) {
      const key = String(shuffledOrder(3, seed, 0));
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
    expect(seen.size).toBe(6);
    // Six standard deviations around 1000.
    for (const count of seen.values()) expect(Math.abs(count - 1000)).toBeLessThan(6 * Math.sqrt((6000 * 5) / 36));
  });
});

describe("samples in memory", () => {
  it("come back exactly, in any order", async () => {
    const data = await first100();
    const samples = await loadSamples(data, { size: 40 });
    const { x, labels } = samples.take(Int32Array.of(33, 2, 33));
    for await (const batch of data.batches({ batch: 40, limit: 40 })) {
      const row = (i: number) => batch.x.data.slice(i * 784, (i + 1) * 784);
      expect(x.dims).toEqual([3, 1, 28, 28]);
      expect([x.data.slice(0, 784), x.data.slice(784, 1568), x.data.slice(1568)]).toEqual([row(33), row(2), row(33)]);
      expect([...labels.data]).toEqual([33, 2, 33].map((i) => BigInt(batch.labels[i]!)));
    }
  });

  it("may be other numbers than bytes, also after a thousand that are", async () => {
    const values = Float32Array.from({ length: 1500 }, (_, i) => (i < 1200 ? (i % 256) / 255 : Math.fround(i / 7)));
    const data = fake(1500, [1], values);
    const { x } = (await loadSamples(data, { size: 1500 })).take(range(1500));
    expect(x.data).toEqual(values);
  });

  it("are refused above a bound, before they are read", async () => {
    const error = await failure("usage", () => loadSamples(fake(1e9, [1, 28, 28], new Float32Array(0)), { size: 1e9 }));
    expect(error.message).toContain("`limit`");
  });
});

function fake(size: number, shape: number[], values: Float32Array): Dataset {
  const batches: Dataset["batches"] = async function* ({ batch }) {
    for (let start = 0; start < values.length; start += batch) {
      const data = values.slice(start, start + batch);
      yield {
        indices: Int32Array.from(data, (_, i) => start + i),
        x: { type: "float32", dims: [data.length, ...shape], data },
        labels: new Int32Array(data.length),
      };
    }
  };
  return { name: "fake", size, shape, classes: 1, batches };
}

describe("schedules", () => {
  const { constant, cosine, "one-cycle": oneCycle } = schedules;
  it("begin, turn and end where they say", () => {
    expect([constant(), cosine(0), cosine(0.5), oneCycle(0), oneCycle(0.3)].map((v) => Number(v.toFixed(9)))).toEqual([
      1, 1, 0.5, 0.04, 1,
    ]);
    expect(oneCycle(0.15)).toBeCloseTo(0.52, 9);
    expect(oneCycle(1)).toBeCloseTo(4e-6, 12);
    expect(cosine(1)).toBe(0);
  });

  it("one cycle rises, then falls", () => {
    const points = Array.from({ length: 1001 }, (_, i) => oneCycle(i / 1000));
    for (let i = 1; i <= 1000; i++) expect(points[i]! > points[i - 1]!).toBe(i <= 300);
  });
});
