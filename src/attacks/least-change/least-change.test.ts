import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { floats, lenetFile, linearGraph, open, twoClassGraph, using } from "../../../test/support/models.ts";
import { type AnyAttack, type AttackTask, judge } from "../../attack.ts";
import type { Batch } from "../../dataset.ts";
import { openDataset } from "../../datasets/locate.node.ts";
import type { DifferentiableModel, Goal } from "../../model.ts";
import { type GraphModel, openClassifier } from "../../models/classifier/graph-model.ts";
import { l0, l2, linf, type Norm } from "../../norm.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import type { FloatTensor } from "../../tensor.ts";
import { nearest } from "../steps/nearest.ts";
import { cw } from "./cw.ts";
import { ddn } from "./ddn.ts";
import { deepfool } from "./deepfool.ts";
import { fmn } from "./fmn.ts";

const FAR = 1e3;

/** Distance of the nearest adversarial point that an attack finds, Infinity where it finds none. */
async function distancesOf(
  model: DifferentiableModel,
  attack: AnyAttack<DifferentiableModel>,
  x: FloatTensor,
  labels: Int32Array,
  { norm = l2 as Norm, options = {} } = {},
): Promise<number[]> {
  const goal: Goal = { kind: "untargeted", labels };
  const indices = Int32Array.from(labels.keys());
  const task: AttackTask<DifferentiableModel> = { model, x, goal, norm, epsilons: [FAR], indices, seed: 0 };
  const [candidates] = await attack.propose(task, { ...attack.defaults, ...options } as never);
  const { success, distances } = await judge(model, x, candidates!, goal, norm, FAR);
  return [...distances].map((distance, i) => (success[i] ? distance : Number.POSITIVE_INFINITY));
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

it("proposes the nearest point where it lies in the ball, its projection where it does not, and x where there is none", () => {
  const x = floats([2, 2], [0.5, 0.5, 0.25, 0.25]);
  const task = { x, norm: l2, epsilons: [0, 0.125, 0.5], model: { bounds: { lower: 0, upper: 1 } } };
  const found = nearest(task as unknown as AttackTask<DifferentiableModel>);
  found.offer(0, Float32Array.of(0.5, 0.75));
  found.offer(0, Float32Array.of(0.5, 1));
  expect([...found.distances]).toEqual([0.25, Number.POSITIVE_INFINITY]);
  expect(found.candidates().map(({ data }) => [...data])).toEqual([
    [0.5, 0.5, 0.25, 0.25],
    [0.5, 0.625, 0.25, 0.25],
    [0.5, 0.75, 0.25, 0.25],
  ]);
  found.offer(1, x.data.slice(2));
  expect(found.open()).toEqual([0]);
});

describe("DeepFool on a linear model of many classes", () => {
  // Class 2 is the nearest, though class 1 has the larger logit.
  const weights = Float32Array.of(0, 0.1, 4, 1, 0, 0, 3, -1);
  const x = floats([1, 2], [0.5, 0.5]);

  it.each([
    ["l2", l2 as Norm, (w: readonly number[]) => Math.hypot(...w)],
    ["linf", linf as Norm, (w: readonly number[]) => w.reduce((sum, v) => sum + Math.abs(v), 0)],
  ])("%s: goes to the nearest boundary in one step", async (_, norm, length) =>
    using(open(linearGraph([2], weights, [2.5, 2.3, -1.3, 0])), async (model) => {
      const [distance] = await distancesOf(model, deepfool, x, Int32Array.of(0), { norm, options: { steps: 1 } });
      const logits = [0, 1, 2, 3].map((c) => 0.5 * (weights[c]! + weights[4 + c]!) + [2.5, 2.3, -1.3, 0][c]!);
      const least = [1, 2, 3].map(
        (c) => (logits[0]! - logits[c]!) / length([weights[c]! - weights[0]!, weights[4 + c]! - weights[4]!]),
      );
      expect(Math.min(...least)).toBe(least[1]);
      expect(distance).toBeCloseTo(1.02 * (least[1]! + 1e-4), 5);
    }),
  );
});

it("DeepFool steps on from where the bounds stopped it", async () =>
  using(open(linearGraph([2], new Float32Array(4), [1, 0])), async (model) => {
    // A long way out of the bounds, then a short one back.
    const slopes = [Float32Array.of(4, 0), Float32Array.of(-1, 0)];
    const heights = [1, 0.05];
    const asked: number[] = [];
    const steered: DifferentiableModel = {
      ...model,
      logits(x) {
        asked.push(x.data[0]!);
        return model.logits(x);
      },
      async gradient(x, goal) {
        const k = asked.length - 1;
        const answer = await model.gradient(x, goal);
        return { ...answer, loss: floats([1], [-heights[k]!]), gradient: floats([1, 2], slopes[k]!) };
      },
    };
    await distancesOf(steered, deepfool, floats([1, 2], [0.9, 0.5]), Int32Array.of(0), { options: { steps: 2 } });
    // The last is the judge's.
    expect(asked).toHaveLength(4);
    for (const [k, v] of [0.9, 1, 1 - 1.02 * (0.05 + 1e-4)].entries()) expect(asked[k]).toBeCloseTo(v, 6);
  }));

it.each([
  ["once more, with longer steps, where it found nothing", 90, 20, 5],
  ["once where it found a point", 0.205, 10, 0],
])("FMN runs %s", async (_, bias, calls, longer) =>
  using(open(linearGraph([2], Float32Array.of(0, 1, 0, 0), [bias, 0])), async (model) => {
    const asked: number[] = [];
    const watched: DifferentiableModel = {
      ...model,
      gradient(x, goal, loss) {
        asked.push(x.data[0]!);
        return model.gradient(x, goal, loss);
      },
    };
    const options = { steps: 10, stepSize: 0.01, finalStepSize: 0.01 };
    await distancesOf(watched, fmn, floats([1, 2], [0.2, 0.5]), Int32Array.of(0), { options, norm: l0 });
    expect(asked).toHaveLength(calls);
    // In L0 a step is as long as it is.
    expect(asked[1]! - asked[0]!).toBeCloseTo(0.01, 6);
    if (longer > 0) expect(asked[11]! - asked[10]!).toBeCloseTo(0.01 * longer, 6);
  }),
);

it("Carlini-Wagner moves pixels that are 0 or 1", async () =>
  using(open(twoClassGraph(Float32Array.of(1, -1, 2), 0.7)), async (model) => {
    // The margin is -0.3; all three pixels can move: 0.3 / ‖w‖.
    const x = floats([1, 3], [0, 1, 0]);
    const [distance] = await distancesOf(model, cw, x, Int32Array.of(0), { options: { steps: 300, constant: 0.01 } });
    expect(distance).toBeGreaterThan(0.3 / Math.sqrt(6) - 1e-6);
    expect(distance).toBeLessThan((1.05 * 0.3) / Math.sqrt(6));
  }));

it.each([ddn, fmn, deepfool, cw] as const)("$name gives up quietly where the gradient is dead", async (attack) =>
  using(open(linearGraph([2], new Float32Array(4), [1, 0])), async (model) => {
    const options = attack === cw ? { steps: 20 } : {};
    const x = floats([1, 2], [0.2, 0.8]);
    expect(await distancesOf(model, attack, x, Int32Array.of(0), { options })).toEqual([Number.POSITIVE_INFINITY]);
  }),
);

describe("on the fixture LeNet", () => {
  let lenet: GraphModel;
  let batch: Batch;
  beforeAll(async () => {
    lenet = openClassifier(lenetFile(), nodeRuntime("cpu", 1));
    const data = await openDataset("mnist");
    for await (const first of data.batches({ batch: 16, limit: 16 })) batch = first;
  });
  afterAll(() => lenet.release());

  // Means: single samples differ by far more, and so does the median of so few.
  it("DDN and FMN agree on L2, and DeepFool is no nearer", async () => {
    const [a, b, c] = await Promise.all(
      [ddn, fmn, deepfool].map((attack) =>
        distancesOf(lenet, attack as AnyAttack<DifferentiableModel>, batch.x, batch.labels),
      ),
    );
    expect(mean(b!) / mean(a!)).toBeGreaterThan(0.95);
    expect(mean(b!) / mean(a!)).toBeLessThan(1.05);
    expect(mean(c!)).toBeGreaterThan(mean(a!));
    expect(Math.max(...a!, ...b!, ...c!)).toBeLessThan(10);
  });
});
