import { afterAll, describe, expect, it } from "vitest";
import { failure, firstBatch } from "../../../test/support/datasets.ts";
import { floats, lenetFile, numbers, open, twoClassGraph } from "../../../test/support/models.ts";
import { type AttackTask, judge } from "../../attack.ts";
import { openDataset } from "../../datasets/locate.node.ts";
import type { Goal, Model } from "../../model.ts";
import { openClassifier } from "../../models/classifier/graph-model.ts";
import { l1, l2, linf, type Norm } from "../../norm.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import { type FloatTensor, product, takeRows } from "../../tensor.ts";
import { fgsm } from "../gradient/fgsm.ts";
import { bump } from "./square/bumps.ts";
import { shareOfPixels } from "./square/windows.ts";
import { square } from "./square.ts";

/** A model of two classes whose margin is ⟨w, x⟩ + bias, and the batches that it was asked about. */
function linear(shape: readonly number[], w: Float32Array, bias: number) {
  const asked: FloatTensor[] = [];
  const model: Model = {
    name: "linear",
    inputShape: shape,
    classes: 2,
    bounds: { lower: 0, upper: 1 },
    head: "logits",
    async logits(x) {
      asked.push({ ...x, data: x.data.slice() });
      const margins = Array.from({ length: x.dims[0]! }, (_, i) =>
        w.reduce((sum, v, j) => sum + v * x.data[i * w.length + j]!, bias),
      );
      return floats(
        [margins.length, 2],
        margins.flatMap((margin) => [0, margin]),
      );
    },
  };
  return { model, asked };
}

const taskOf = (model: Model, x: FloatTensor, norm: Norm, epsilon: number): AttackTask<Model> => {
  const n = x.dims[0]!;
  const goal: Goal = { kind: "untargeted", labels: new Int32Array(n) };
  return { model, x, goal, norm, epsilons: [epsilon], indices: Int32Array.from({ length: n }, (_, i) => i), seed: 1 };
};

describe("the schedule of p", () => {
  // §4.1: "we halve the value of p at {10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000} iterations" of 10,000.
  const HALVED = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000];

  it("is the paper's for 10,000 queries", () => {
    for (const [k, iteration] of HALVED.entries()) {
      expect(shareOfPixels(iteration, 10_000, 0.8, true)).toBe(0.8 / 2 ** k);
      expect(shareOfPixels(iteration + 1, 10_000, 0.8, true)).toBe(0.8 / 2 ** (k + 1));
    }
  });

  it("is stretched to the number of queries", () => {
    for (const iteration of [0, 5, 6, 25, 26, 100, 101, 1000, 1001, 4000, 4001, 4999])
      expect(shareOfPixels(iteration, 5000, 0.8, true)).toBe(shareOfPixels(2 * iteration, 10_000, 0.8, true));
    expect(shareOfPixels(4999, 5000, 0.8, true)).toBe(0.8 / 512);
  });

  it("is not stretched for AutoAttack: with 5,000 queries it ends at p / 128", () => {
    expect(shareOfPixels(10, 5000, 0.8, false)).toBe(0.8);
    expect(shareOfPixels(11, 5000, 0.8, false)).toBe(0.4);
    expect(shareOfPixels(4999, 5000, 0.8, false)).toBe(0.8 / 128);
  });
});

describe("queries", () => {
  const shape = [1, 6, 6];
  const w = numbers(36, 4);
  const x = floats([3, ...shape], numbers(108, 5, 0.3, 0.7));

  it.each([1, 2, 37])("makes %i queries for a sample that is not fooled, the start among them", async (queries) => {
    for (const norm of [linf, l2, l1]) {
      const { model, asked } = linear(shape, w, -1000);
      await square.propose(taskOf(model, x, norm, 0.2), { ...square.defaults, queries });
      expect(asked.map((batch) => batch.dims[0])).toEqual(Array(queries).fill(3));
    }
  });

  it("makes no query for a fooled sample", async () => {
    // The farther from the boundary, the later it is fooled; the last cannot be.
    const along = (margin: number) => w.map((v) => 0.5 + (margin * v) / w.reduce((s, u) => s + u * u, 0));
    const bias = -0.5 * w.reduce((s, v) => s + v, 0);
    const moved = linear(shape, w, bias);
    const task = taskOf(moved.model, floats([3, ...shape], [...along(-0.1), ...along(-1.5), ...along(-4)]), linf, 0.1);
    const [candidates] = await square.propose(task, { ...square.defaults, queries: 300 });
    const sizes = moved.asked.map((batch) => batch.dims[0]!);
    expect(sizes).toHaveLength(300);
    expect(sizes.at(-1)).toBe(1);
    expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
    const { success } = await judge(task.model, task.x, candidates!, task.goal, linf, 0.1);
    expect([...success]).toEqual([1, 1, 0]);
  });
});

describe("candidates", () => {
  const shape = [3, 8, 8];
  const x = floats([2, ...shape], numbers(2 * 192, 6, 0.3, 0.7));

  it("L∞: begin as vertical stripes, and stay at ±ε", async () => {
    const { model, asked } = linear(shape, numbers(192, 7), -1000);
    await square.propose(taskOf(model, x, linf, 0.1), { ...square.defaults, queries: 40 });
    const signs = asked.map((batch) => batch.data.map((v, i) => Math.sign(v - x.data[i]!)));
    for (let i = 0; i < 384; i++) expect(signs[0]![i]).toBe(signs[0]![i - (i % 64) + (i % 8)]);
    for (const batch of asked)
      expect(batch.data.every((v, i) => Math.abs(Math.abs(v - x.data[i]!) - 0.1) < 1e-6)).toBe(true);
  });

  it.each([
    ["l2", l2, 1],
    ["l1", l1, 6],
  ] as const)("%s: spend all of ε", async (_, norm, epsilon) => {
    const { model, asked } = linear(shape, numbers(192, 7), -1000);
    await square.propose(taskOf(model, x, norm, epsilon), { ...square.defaults, queries: 40 });
    const parts = (t: FloatTensor, i: number) => t.data.subarray(i * 192, (i + 1) * 192);
    for (const batch of asked.slice(1))
      for (const i of [0, 1]) {
        const distance = norm.distance(parts(batch, i), parts(x, i));
        expect(distance).toBeLessThanOrEqual(epsilon);
        expect(distance).toBeGreaterThan(0.97 * epsilon);
      }
  });

  it.each([
    ["linf", linf, 0.1],
    ["l2", l2, 1],
    ["l1", l1, 6],
  ] as const)("%s: are the same for an image of [height, width, channels]", async (_, norm, epsilon) => {
    const w = numbers(192, 7);
    const last = (v: Float32Array) =>
      v.map((_value, i) => v[i - (i % 192) + (i % 3) * 64 + Math.floor((i % 192) / 3)]!);
    const options = { ...square.defaults, queries: 60 };
    const [first] = await square.propose(taskOf(linear(shape, w, -100).model, x, norm, epsilon), options);
    const turned = floats([2, 8, 8, 3], last(x.data));
    const { model } = linear([8, 8, 3], last(w), -100);
    const [second] = await square.propose(taskOf(model, turned, norm, epsilon), options);
    const expected = last(first!.data);
    expect(Math.max(...second!.data.map((v, i) => Math.abs(v - expected[i]!)))).toBeLessThan(1e-5);
  });

  it.each([[[12]], [[1]], [[2]], [[4, 7]], [[1, 1, 5]], [[2, 9, 1]], [[1, 3, 40]]])(
    "take samples of shape %j",
    async (of) => {
      const size = product(of);
      const some = floats([2, ...of], numbers(2 * size, 8, 0, 1));
      for (const [norm, epsilon] of [
        [linf, 0.2],
        [l2, 0.5],
        [l1, 1],
      ] as const) {
        const w = numbers(size, 9);
        const { model, asked } = linear(of, w, -100);
        await square.propose(taskOf(model, some, norm, epsilon), { ...square.defaults, queries: 100 });
        for (const batch of asked)
          for (const i of [0, 1]) {
            const part = (t: FloatTensor) => takeRows(t, [i]).data;
            expect(norm.distance(part(batch), part(some))).toBeLessThanOrEqual(epsilon + 1e-6);
            expect(part(batch).every((v) => v >= 0 && v <= 1)).toBe(true);
          }
      }
    },
  );
});

describe("bumps", () => {
  it("are the sums of squares of eq. 2, one up and one down, of length 1", () => {
    // Of the upper 2 × 5: k = 0 has the middle (1, 2); k = 1 rows 0-1, columns 1-3; k = 2 all.
    const [far, near, middle] = [1 / 9, 1 / 9 + 1 / 4, 1 / 9 + 1 / 4 + 1];
    const upper = [far, near, near, near, far, far, near, middle, near, far];
    const length = Math.hypot(...upper);
    const values = bump(5, 5, false, "l2");
    const scale = Math.SQRT1_2;
    for (const [i, v] of upper.entries()) expect(values[i]).toBeCloseTo((scale * v) / length, 9);
    expect(values.slice(10).every((v) => v < 0)).toBe(true);
    expect(Math.hypot(...values)).toBeCloseTo(1, 9);
    expect(bump(4, 7, false, "l1").reduce((sum, v) => sum + Math.abs(v), 0)).toBeCloseTo(1, 9);
  });

  it("lie side by side when transposed", () => {
    const [upright, lying] = [bump(5, 3, false, "l2"), bump(3, 5, true, "l2")];
    for (let i = 0; i < 15; i++) expect(lying[(i % 3) * 5 + Math.floor(i / 3)]).toBe(upright[i]);
  });
});

describe("refusals", () => {
  it.each([{ queries: 0 }, { queries: 1.5 }, { queries: Number.NaN }, { initialShare: 0 }, { initialShare: 1.1 }])(
    "%j",
    async (wrong) => {
      const { model } = linear([4], numbers(4, 1), 0);
      const task = taskOf(model, floats([1, 4], [0, 0, 0, 0]), linf, 0.1);
      await failure("usage", () => square.propose(task, { ...square.defaults, ...wrong }));
    },
  );

  it("samples that are no images", async () => {
    const { model } = linear([2, 2, 2, 2], numbers(16, 1), 0);
    const task = taskOf(model, floats([1, 2, 2, 2, 2], numbers(16, 2, 0, 1)), linf, 0.1);
    const { message } = await failure("usage", () => square.propose(task, square.defaults));
    expect(message).toContain("[2,2,2,2]");
  });

  it("takes NaN and overflowing logits for no gain", async () => {
    const { model } = linear([4], numbers(4, 1), 0);
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const broken: Model = { ...model, logits: async (x) => floats([x.dims[0]!, 2], Array(2 * x.dims[0]!).fill(bad)) };
      const task = taskOf(broken, floats([1, 4], [0.5, 0.5, 0.5, 0.5]), linf, 0.1);
      const [candidates] = await square.propose(task, { ...square.defaults, queries: 20 });
      expect(candidates!.data.every((v) => v >= 0.4 - 1e-6 && v <= 0.6 + 1e-6)).toBe(true);
    }
  });
});

describe("strength", () => {
  const lenet = openClassifier(lenetFile(), nodeRuntime("cpu", 1));
  afterAll(() => lenet.release());

  it("beats FGSM on MNIST at ε = .2, with 300 queries and no gradient", async () => {
    const { x, labels, indices } = await firstBatch(await openDataset("mnist"), 60);
    const goal: Goal = { kind: "untargeted", labels };
    const task = { model: lenet, x, goal, norm: linf, epsilons: [0.2], indices, seed: 0 };
    const fooled = async ([candidates]: readonly FloatTensor[]) =>
      (await judge(lenet, x, candidates!, goal, linf, 0.2)).success.reduce((sum, v) => sum + v, 0);
    const bySquare = await fooled(await square.propose(task, { ...square.defaults, queries: 300 }));
    expect(bySquare).toBeGreaterThanOrEqual(await fooled(await fgsm.propose(task)));
  });

  it("reaches targets on a linear model", async () => {
    const w = numbers(36, 4);
    const model = open(twoClassGraph(w, -0.5 * w.reduce((s, v) => s + v, 0) - 1, [1, 6, 6]));
    const x = floats([2, 1, 6, 6], Array(72).fill(0.5));
    const goal: Goal = { kind: "targeted", labels: Int32Array.of(0, 0), targets: Int32Array.of(1, 1) };
    const [candidates] = await square.propose(
      { ...taskOf(model, x, linf, 0.1), goal },
      { ...square.defaults, queries: 300 },
    );
    expect([...(await judge(model, x, candidates!, goal, linf, 0.1)).success]).toEqual([1, 1]);
    await model.release();
  });
});
