import { describe, expect, it } from "vitest";
import { bestRise } from "../../../test/support/balls.ts";
import { floats, lenetFile, linearGraph, numbers, open, twoClassGraph, using } from "../../../test/support/models.ts";
import { judge } from "../../attack.ts";
import { openDataset } from "../../datasets/locate.node.ts";
import { type Goal, type Model, takeGoal } from "../../model.ts";
import { openClassifier } from "../../models/classifier/graph-model.ts";
import { metered } from "../../models/wrapped/metered.ts";
import { l0 } from "../../norm.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import { type FloatTensor, takeRows } from "../../tensor.ts";
import { objective } from "../steps/losses.ts";
import { type OnePixelOptions, onePixel } from "./one-pixel.ts";

async function proposed(
  model: Model,
  x: FloatTensor,
  epsilons: readonly number[],
  options: Partial<OnePixelOptions> = {},
  goal: Goal = { kind: "untargeted", labels: new Int32Array(x.dims[0]!) },
): Promise<readonly FloatTensor[]> {
  const indices = Int32Array.from({ length: x.dims[0]! }, (_, i) => i);
  return onePixel.propose({ model, x, goal, norm: l0, epsilons, indices, seed: 0 }, options);
}

describe.each([
  ["an image of one channel", [1, 6, 6]],
  ["features", [36]],
  ["an image without channels", [6, 6]],
  ["what has too many channels for a picture", [18, 1, 2]],
  ["features along one axis", [36, 1, 1]],
])("%s", (_, shape) => {
  it.each(["untargeted", "targeted"] as const)("%s: on a linear model nearly the best rise there is", async (kind) => {
    const w = numbers(36, 5);
    // Out of reach, so that nothing stops it early.
    await using(open(twoClassGraph(w, -60, shape)), async (model) => {
      const x = floats([1, ...shape], numbers(36, 6, 0, 1));
      const labels = Int32Array.of(0);
      const goal: Goal = kind === "targeted" ? { kind, labels, targets: Int32Array.of(1) } : { kind, labels };
      const candidates = await proposed(model, x, [1, 3], { population: 100 }, goal);
      for (const [k, epsilon] of [1, 3].entries()) {
        const { data } = candidates[k]!;
        const rise = data.reduce((sum, v, i) => sum + (v - x.data[i]!) * w[i]!, 0);
        expect(rise).toBeGreaterThan(0.9 * bestRise("l0", x.data, w, epsilon, model.bounds));
        expect(l0.distance(data, x.data)).toBeLessThanOrEqual(epsilon);
      }
    });
  });
});

it.each([
  ["first", [3, 5, 5], (pixel: number, c: number) => 25 * c + pixel],
  ["last", [5, 5, 3], (pixel: number, c: number) => 3 * pixel + c],
])("with the channels %s, ε elements are ⌊ε / channels⌋ whole pixels", async (_, shape, at) =>
  using(open(twoClassGraph(numbers(75, 5), -60, shape)), async (model) => {
    const x = floats([1, ...shape], numbers(75, 6, 0.1, 0.9));
    const candidates = await proposed(model, x, [2, 3, 5, 7], { population: 40, generations: 5 });
    const changed = candidates.map(
      ({ data }) =>
        Array.from({ length: 25 }, (_, pixel) =>
          [0, 1, 2].some((c) => data[at(pixel, c)] !== x.data[at(pixel, c)]),
        ).filter(Boolean).length,
    );
    expect(changed).toEqual([0, 1, 1, 2]);
  }),
);

it("asks about a sample in whole generations, and stops where the goal is reached", async () => {
  // The first element alone decides, and every other candidate of one pixel out of two reaches it.
  await using(open(twoClassGraph(Float32Array.of(1, 0), -0.5)), async (model) => {
    const { model: counted, of } = metered(model);
    const x = floats([2, 2], [0, 0, 0, 0]);
    const [candidates] = await proposed(counted, x, [1], { population: 40 });
    const goal: Goal = { kind: "untargeted", labels: new Int32Array(2) };
    expect([...(await judge(model, x, candidates!, goal, l0, 1)).success]).toEqual([1, 1]);
    expect([of(0).forwards, of(1).forwards]).toEqual([40, 40]);
  });
  await using(open(twoClassGraph(Float32Array.of(1, 0), -5)), async (model) => {
    const { model: counted, of } = metered(model);
    await proposed(counted, floats([1, 2], [0, 0]), [1], { population: 40, generations: 7 });
    expect(of(0).forwards).toBe(320);
    // Beyond a budget of queries it ends at once.
    const short = metered(model, 50);
    await proposed(short.model, floats([1, 2], [0, 0]), [1], { population: 40, generations: 1e9 });
    expect(short.of(0).forwards).toBe(50);
  });
});

it("refuses options that make no sense, and samples that are no images", async () => {
  await using(open(linearGraph([2], new Float32Array(4), [1, 0])), async (model) => {
    for (const options of [{ population: 3 }, { population: 4.5 }, { generations: -1 }, { factor: 0 }])
      await expect(proposed(model, floats([1, 2], [0, 1]), [1], options)).rejects.toMatchObject({ code: "usage" });
  });
  await using(open(twoClassGraph(new Float32Array(16), 0, [2, 2, 2, 2])), async (model) =>
    expect(proposed(model, floats([1, 2, 2, 2, 2], new Float32Array(16)), [1])).rejects.toMatchObject({
      code: "usage",
    }),
  );
});

describe("on a digit that the fixture LeNet is not sure of", () => {
  const withDigit = (work: (model: Model, x: FloatTensor, goal: Goal) => Promise<void>) =>
    using(openClassifier(lenetFile(), nodeRuntime("cpu", 1)), async (lenet) => {
      const data = await openDataset("mnist");
      for await (const { x, labels } of data.batches({ batch: 19, limit: 19 }))
        await work(lenet, takeRows(x, [18]), { kind: "untargeted", labels: labels.slice(18) });
    });

  it("finds a pixel as harmful as the worst of them all", async () =>
    withDigit(async (lenet, x, goal) => {
      const pixels = x.data.length;
      const losses = async (points: FloatTensor) =>
        objective(await lenet.logits(points), takeGoal(goal, new Int32Array(points.dims[0]!)), "cross-entropy");
      const every = floats([2 * pixels, ...x.dims.slice(1)], new Float32Array(2 * pixels * pixels));
      for (let i = 0; i < 2 * pixels; i++) {
        every.data.set(x.data, i * pixels);
        every.data[i * pixels + (i >> 1)] = i & 1;
      }
      const [candidates] = await proposed(lenet, x, [1], { generations: 12 }, goal);
      expect((await losses(candidates!))[0]).toBeGreaterThan(0.97 * Math.max(...(await losses(every))));
    }));

  it("reaches the goal with a few pixels", async () =>
    withDigit(async (lenet, x, goal) => {
      const [candidates] = await proposed(lenet, x, [3], { generations: 12 }, goal);
      expect([...(await judge(lenet, x, candidates!, goal, l0, 3)).success]).toEqual([1]);
    }));
});
