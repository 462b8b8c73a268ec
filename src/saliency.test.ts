import { afterAll, describe, expect, it } from "vitest";
import {
  dense,
  floats,
  graphOf,
  lenetGraph,
  linearGraph,
  numbers,
  open,
  smallNetwork,
} from "../test/support/models.ts";
import type { Batch } from "./dataset.ts";
import { openDataset } from "./datasets/locate.node.ts";
import type { DifferentiableModel } from "./model.ts";
import { randomFor } from "./random.ts";
import {
  completeness,
  gradientMap,
  gradientTimesInput,
  integratedGradients,
  type SaliencyName,
  type SaliencyTask,
  saliencyMethods,
  smoothGrad,
} from "./saliency.ts";
import { type FloatTensor, takeRows } from "./tensor.ts";

const shape = [2, 3, 3];
const size = 18;
const n = 4;
const classes = Int32Array.of(0, 2, 1, 2);
const x = floats([n, ...shape], numbers(n * size, 3, 0, 1));

const weights = numbers(size * 3, 11);
const linear = open(linearGraph(shape, weights, [0.5, -1, 2]));
const kinked = open(smallNetwork(shape, 3));
/** Without kinks: the midpoint rule converges fast. */
const smooth = open(
  graphOf(shape, (b, input) => {
    const hidden = b.add("Tanh", [
      dense(b, b.add("Flatten", [input], { axis: 1 }), numbers(size * 8, 5), [...numbers(8, 6)]),
    ]);
    return dense(b, hidden, numbers(8 * 3, 7, -3, 3), [...numbers(3, 8)]);
  }),
);
afterAll(() => Promise.all([linear, kinked, smooth].map((model) => model.release())));

const task = (model: DifferentiableModel, more: Partial<SaliencyTask> = {}): SaliencyTask => ({
  model,
  x,
  classes,
  ...more,
});
/** The values of sample i. */
const row = ({ data }: FloatTensor, i: number): number[] => [...data.subarray(i * size, (i + 1) * size)];
function expectClose(got: FloatTensor, expected: ArrayLike<number>, tolerance = 1e-6): void {
  expect(got.data).toHaveLength(expected.length);
  expect(Math.max(...got.data.map((v, j) => Math.abs(v - expected[j]!)))).toBeLessThanOrEqual(tolerance);
}

describe("on a linear model", () => {
  const slopes = Float32Array.from(
    { length: n * size },
    (_, j) => weights[3 * (j % size) + classes[Math.floor(j / size)]!]!,
  );

  it("the gradient is the weights, averaged over noise or not", async () => {
    const gradient = await gradientMap(task(linear));
    expect(gradient.dims).toEqual(x.dims);
    expectClose(gradient, slopes);
    expectClose(await smoothGrad(task(linear), { samples: 7, noise: 0.5 }), slopes);
  });

  it("gradient × input and integrated gradients are weight times value, and add up with one step", async () => {
    const products = slopes.map((w, j) => w * x.data[j]!);
    expectClose(await gradientTimesInput(task(linear)), products);
    expectClose(await integratedGradients(task(linear), { steps: 1 }), products);
    const fromGrey = await integratedGradients(task(linear), { steps: 1, baseline: 0.5 });
    expectClose(
      fromGrey,
      slopes.map((w, j) => w * (x.data[j]! - 0.5)),
    );
    for (const { sum: total, rise } of await completeness(task(linear), fromGrey, 0.5))
      expect(total).toBeCloseTo(rise, 5);
  });
});

describe("the gradient", () => {
  it("is that of the logit: central differences", async () => {
    const gradient = await gradientMap(task(smooth));
    const step = 2 ** -6;
    for (let j = 0; j < size; j++) {
      const moved = (by: number) => ({ ...x, data: x.data.map((v, k) => (k % size === j ? v + by : v)) });
      const [up, down] = [await smooth.logits(moved(step)), await smooth.logits(moved(-step))];
      for (const [i, c] of classes.entries())
        expect((up.data[3 * i + c]! - down.data[3 * i + c]!) / (2 * step)).toBeCloseTo(row(gradient, i)[j]!, 3);
    }
  });
});

describe("SmoothGrad", () => {
  it("is the mean gradient of noisy copies, the noise a share of the sample's range", async () => {
    const options = { samples: 4, noise: 0.2, seed: 9, indices: Int32Array.of(40, 41, 42, 43) };
    const expected = new Float64Array(n * size);
    for (let i = 0; i < n; i++) {
      const values = row(x, i);
      const sigma = 0.2 * (Math.max(...values) - Math.min(...values));
      for (let k = 0; k < 4; k++) {
        const random = randomFor(9, 40 + i, 0, k);
        const copy = floats(
          [1, ...shape],
          values.map((v) => v + sigma * random.normal()),
        );
        const { data } = await gradientMap({ model: kinked, x: copy, classes: classes.slice(i, i + 1) });
        for (let j = 0; j < size; j++) expected[i * size + j]! += data[j]! / 4;
      }
    }
    expectClose(await smoothGrad(task(kinked), options), expected);
  });

  it("is the gradient without noise, and where the sample has no range", async () => {
    expectClose(await smoothGrad(task(kinked), { samples: 3, noise: 0 }), (await gradientMap(task(kinked))).data);
    const flat = { ...x, data: new Float32Array(n * size).fill(0.5) };
    const expected = await gradientMap(task(kinked, { x: flat }));
    expectClose(await smoothGrad(task(kinked, { x: flat }), { samples: 3 }), expected.data);
  });

  it("depends on the seed and on the sample's number", async () => {
    const run = (seed: number, first: number) =>
      smoothGrad(task(kinked), { samples: 3, seed, indices: Int32Array.of(first, 1, 2, 3) });
    const [a, b, c] = [await run(0, 0), await run(1, 0), await run(0, 8)];
    expect(row(b, 1)).not.toEqual(row(a, 1));
    expect(row(c, 0)).not.toEqual(row(a, 0));
    expectClose(takeRows(c, [1, 2, 3]), takeRows(a, [1, 2, 3]).data);
  });
});

describe("integrated gradients", () => {
  it("add up to the rise of the score, within 1e-3", async () => {
    for (const baseline of [0, 1]) {
      const attributions = await integratedGradients(task(smooth), { baseline });
      for (const { sum: total, rise } of await completeness(task(smooth), attributions, baseline)) {
        expect(Math.abs(rise)).toBeGreaterThan(0.1);
        expect(Math.abs(total - rise)).toBeLessThanOrEqual(1e-3 * Math.abs(rise));
      }
    }
  });

  it("add up on LeNet, with its kinks, within 1e-3 as the steps grow", async () => {
    const lenet = open(lenetGraph());
    const data = await openDataset("mnist");
    const { value } = await data.batches({ batch: 4, limit: 4 })[Symbol.asyncIterator]().next();
    const { x: samples, labels } = value as Batch;
    const digits = { model: lenet, x: samples, classes: labels, batch: 100 };
    const off = async (steps: number) => {
      const found = await completeness(digits, await integratedGradients(digits, { steps }));
      return Math.max(...found.map(({ sum: total, rise }) => Math.abs(total - rise) / Math.abs(rise)));
    };
    expect(await off(50)).toBeLessThan(0.05);
    expect(await off(2000)).toBeLessThan(1e-3);
    await lenet.release();
  });

  it("are 0 at the baseline", async () => {
    const black = { ...x, data: new Float32Array(n * size) };
    const { data } = await integratedGradients(task(kinked, { x: black }));
    expect(data.every((v) => v === 0)).toBe(true);
  });
});

describe.each(Object.keys(saliencyMethods) as SaliencyName[])("%s", (name) => {
  const options = { samples: 5, steps: 5, seed: 1 };
  const map = (more: Partial<SaliencyTask> = {}) => saliencyMethods[name].map(task(kinked, more), options);

  it("does not depend on the batch size, and leaves its input alone", async () => {
    const before = x.data.slice();
    const whole = await map({ batch: 100 });
    for (const batch of [1, 3]) expectClose(await map({ batch }), whole.data);
    expect(x.data).toEqual(before);
  });

  it("stops when its signal fires", async () => {
    await expect(map({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "cancelled" });
  });

  it("refuses a class that the model does not have, and a batch of nothing", async () => {
    await expect(map({ classes: Int32Array.of(0, 1, 2, 3) })).rejects.toMatchObject({ code: "out-of-bounds" });
    await expect(map({ batch: 0 })).rejects.toMatchObject({ code: "usage" });
  });
});

it.each([
  () => smoothGrad(task(linear), { samples: 0 }),
  () => smoothGrad(task(linear), { noise: -0.1 }),
  () => smoothGrad(task(linear), { noise: Number.NaN }),
  () => integratedGradients(task(linear), { steps: 1.5 }),
])("refuses counts and shares that mean nothing (%#)", async (run) => {
  await expect(run()).rejects.toMatchObject({ code: "usage" });
});
