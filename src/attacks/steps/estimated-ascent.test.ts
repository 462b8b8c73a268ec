import { afterAll, describe, expect, it } from "vitest";
import { failure, firstBatch } from "../../../test/support/datasets.ts";
import { floats, lenetFile, numbers, open, smallNetwork, twoClassGraph } from "../../../test/support/models.ts";
import { judge } from "../../attack.ts";
import { openDataset } from "../../datasets/locate.node.ts";
import type { DifferentiableModel, Goal, Model } from "../../model.ts";
import { openClassifier } from "../../models/classifier/graph-model.ts";
import { linf } from "../../norm.ts";
import { randomFor } from "../../random.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import { type FloatTensor, takeRows } from "../../tensor.ts";
import { uniformNoise } from "../baselines/uniform-noise.ts";
import { nes } from "../scores/nes.ts";
import { spsa } from "../scores/spsa.ts";
import { estimate } from "./probes.ts";

const GOALS: Readonly<Record<string, Goal>> = {
  untargeted: { kind: "untargeted", labels: Int32Array.of(0, 1) },
  targeted: { kind: "targeted", labels: Int32Array.of(0, 1), targets: Int32Array.of(2, 2) },
};

describe("the estimate of a gradient", () => {
  const model = open(smallNetwork([12], 4));
  afterAll(() => model.release());
  const x = floats([2, 12], numbers(24, 3, 0.2, 0.8));

  it.each(Object.keys(GOALS))("points along the gradient, %s", async (kind) => {
    const goal = GOALS[kind]!;
    const exact = await model.gradient(x, goal, "cross-entropy");
    for (const row of [0, 1])
      for (const draw of [
        (random: ReturnType<typeof randomFor>) => random.normal(),
        (random: ReturnType<typeof randomFor>) => (random.uint32() & 1 ? 1 : -1),
      ]) {
        const probing = { pairs: 2000, reach: 0.001, loss: "cross-entropy", draw } as const;
        const point = takeRows(x, [row]).data;
        const { gradient, mean } = await estimate(model, point, goal, row, row, probing, randomFor(1, row));
        const truth = takeRows(exact.gradient, [row]).data;
        const dot = truth.reduce((sum, v, i) => sum + v * gradient[i]!, 0);
        expect(dot / Math.hypot(...truth) / Math.hypot(...gradient)).toBeGreaterThan(0.99);
        expect(Math.hypot(...gradient) / Math.hypot(...truth)).toBeCloseTo(1, 1);
        expect(mean).toBeCloseTo(exact.loss.data[row]!, 2);
      }
  });
});

describe("queries", () => {
  const w = numbers(12, 2);
  const model = open(twoClassGraph(w, -50));
  afterAll(() => model.release());
  const x = floats([2, 12], numbers(24, 3, 0.2, 0.8));
  const task = (asked: (batch: FloatTensor) => void) => ({
    model: {
      ...model,
      logits: (batch: FloatTensor) => {
        asked(batch);
        return model.logits(batch);
      },
    } satisfies Model,
    x,
    goal: { kind: "untargeted", labels: Int32Array.of(0, 0) } satisfies Goal,
    norm: linf,
    epsilons: [0.1],
    indices: Int32Array.of(0, 1),
    seed: 0,
  });

  it("of NES are no more than were given, and all in the bounds", async () => {
    for (const queries of [52, 102, 103, 500]) {
      let count = 0;
      await nes.propose(
        task((batch) => {
          count += batch.dims[0]!;
          expect(batch.data.every((v) => v >= 0 && v <= 1)).toBe(true);
        }),
        { ...nes.defaults, queries },
      );
      expect(count / 2).toBe(1 + Math.floor((queries - 1) / 51) * 51);
      expect(count / 2).toBeLessThanOrEqual(queries);
    }
  });

  it("of SPSA are one, and one more than its probes a step", async () => {
    let count = 0;
    const counted = task((batch) => {
      count += batch.dims[0]!;
    });
    await spsa.propose(counted, { ...spsa.defaults, steps: 3, pairs: 5 });
    expect(count / 2).toBe(1 + 3 * 11);
  });

  it.each([{ queries: 51 }, { samples: 3 }, { sigma: 0 }, { stepSize: Number.NaN }, { momentum: 1 }])(
    "of NES: refuses %j",
    async (wrong) =>
      void (await failure("usage", () =>
        nes.propose(
          task(() => undefined),
          { ...nes.defaults, ...wrong },
        ),
      )),
  );

  it.each([{ steps: 0 }, { pairs: 1.5 }, { delta: 0 }, { learningRate: Number.POSITIVE_INFINITY }])(
    "of SPSA: refuses %j",
    async (wrong) =>
      void (await failure("usage", () =>
        spsa.propose(
          task(() => undefined),
          { ...spsa.defaults, ...wrong },
        ),
      )),
  );
});

describe("strength", () => {
  const lenet: DifferentiableModel & { release(): Promise<void> } = openClassifier(lenetFile(), nodeRuntime("cpu", 1));
  afterAll(() => lenet.release());

  it("beats noise on MNIST at ε = .3", async () => {
    const { x, labels, indices } = await firstBatch(await openDataset("mnist"), 12);
    const goal: Goal = { kind: "untargeted", labels };
    const task = { model: lenet, x, goal, norm: linf, epsilons: [0.3], indices, seed: 0 };
    const fooled = async ([candidates]: readonly FloatTensor[]) =>
      (await judge(lenet, x, candidates!, goal, linf, 0.3)).success.reduce((sum, v) => sum + v, 0);
    const byNoise = await fooled(await uniformNoise.propose(task, uniformNoise.defaults));
    expect(await fooled(await spsa.propose(task, { ...spsa.defaults, steps: 60, pairs: 25 }))).toBeGreaterThanOrEqual(
      byNoise + 5,
    );
    expect(await fooled(await nes.propose(task, { ...nes.defaults, queries: 2500 }))).toBeGreaterThanOrEqual(
      byNoise + 5,
    );
  });
});
