import { expect, it } from "vitest";
import { bestRise } from "../../../test/support/balls.ts";
import { floats, lenetFile, numbers, open, twoClassGraph, using } from "../../../test/support/models.ts";
import { type AnyAttack, judge } from "../../attack.ts";
import { openDataset } from "../../datasets/locate.node.ts";
import type { DifferentiableModel, Goal } from "../../model.ts";
import { openClassifier } from "../../models/classifier/graph-model.ts";
import { l0 } from "../../norm.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import type { FloatTensor } from "../../tensor.ts";
import { fmn } from "./fmn.ts";
import { jsma } from "./jsma.ts";
import { type SigmaZeroOptions, sigmaZero } from "./sigma-zero.ts";

async function counts(
  model: DifferentiableModel,
  x: FloatTensor,
  labels: Int32Array,
  attack: AnyAttack<DifferentiableModel> = sigmaZero,
  options: object = {},
): Promise<number[]> {
  const goal: Goal = { kind: "untargeted", labels };
  const epsilon = x.data.length;
  const task = { model, x, goal, norm: l0, epsilons: [epsilon], indices: Int32Array.from(labels.keys()), seed: 0 };
  const [candidates] = await attack.propose(task, options as never);
  const { success, distances } = await judge(model, x, candidates!, goal, l0, epsilon);
  return Array.from(distances, (distance, i) => (success[i] ? distance : Number.POSITIVE_INFINITY));
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

it.each([
  ["[0, 1]", 0, 1],
  ["[-2, 2]", -2, 2],
])("reaches the least number of elements of a linear model with bounds %s", async (_, lower, upper) => {
  const size = 40;
  const w = numbers(size, 3);
  const x = floats([1, size], numbers(size, 4, lower, upper));
  const bounds = { lower, upper };
  const clean = x.data.reduce((sum, v, i) => sum + v * w[i]!, 0);
  const rises = Array.from({ length: size }, (_, k) => bestRise("l0", x.data, w, k, bounds));
  for (const least of [1, 3, 8]) {
    // The margin lies halfway between what the best `least` - 1 and `least` elements add.
    const bias = -(rises[least - 1]! + rises[least]!) / 2 - clean;
    await using(open(twoClassGraph(w, bias), { bounds }), async (model) =>
      expect(await counts(model, x, Int32Array.of(0), sigmaZero, { steps: 300 })).toEqual([least]),
    );
  }
});

it("gives up quietly where the gradient is dead", async () =>
  using(open(twoClassGraph(new Float32Array(2), -1)), async (model) => {
    const [count] = await counts(model, floats([1, 2], [0.2, 0.8]), Int32Array.of(0), sigmaZero, { steps: 20 });
    expect(count).toBe(Number.POSITIVE_INFINITY);
  }));

it("refuses options that make no sense", async () =>
  using(open(twoClassGraph(new Float32Array(2))), async (model) => {
    const wrong: Partial<SigmaZeroOptions>[] = [
      { steps: 0 },
      { stepSize: 0 },
      { sigma: Number.NaN },
      { threshold: -1 },
      { thresholdStep: 2 },
    ];
    for (const options of wrong)
      await expect(counts(model, floats([1, 2], [0, 1]), Int32Array.of(0), sigmaZero, options)).rejects.toMatchObject({
        code: "usage",
      });
  }));

it("on the fixture LeNet: changes fewer pixels than FMN, and FMN fewer than JSMA", async () =>
  using(openClassifier(lenetFile(), nodeRuntime("cpu", 1)), async (lenet) => {
    const data = await openDataset("mnist");
    for await (const { x, labels } of data.batches({ batch: 8, limit: 8 })) {
      const ours = await counts(lenet, x, labels, sigmaZero, { steps: 200 });
      const fmns = await counts(lenet, x, labels, fmn as AnyAttack<DifferentiableModel>);
      const jsmas = await counts(lenet, x, labels, jsma as AnyAttack<DifferentiableModel>);
      expect(mean(ours)).toBeLessThan(mean(fmns));
      expect(mean(fmns)).toBeLessThan(mean(jsmas));
      expect(Math.max(...jsmas)).toBeLessThan(60);
    }
  }));
