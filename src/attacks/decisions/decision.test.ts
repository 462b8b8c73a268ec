import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failure, firstBatch } from "../../../test/support/datasets.ts";
import { floats, lenetFile, numbers } from "../../../test/support/models.ts";
import { type AttackTask, judge } from "../../attack.ts";
import type { Batch } from "../../dataset.ts";
import { openDataset } from "../../datasets/locate.node.ts";
import type { Goal, Model } from "../../model.ts";
import { type GraphModel, openClassifier } from "../../models/classifier/graph-model.ts";
import { l2, linf, type Norm } from "../../norm.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import { bisect, blend, oracle } from "../steps/decision.ts";
import { nearest } from "../steps/nearest.ts";
import { verdicts } from "./boundary/walk.ts";
import { boundary } from "./boundary.ts";
import { hopskipjump } from "./hopskipjump.ts";

/** A model by a rule for the class of a point; what it was asked stands in `asked`. */
function ruled(size: number, classOf: (point: Float32Array) => number, classes = 2) {
  const asked: number[] = [];
  const model: Model = {
    name: "ruled",
    inputShape: [size],
    classes,
    bounds: { lower: 0, upper: 1 },
    head: "logits",
    async logits({ data, dims }, samples) {
      asked.push(...samples!);
      const logits = new Float32Array(dims[0]! * classes);
      for (let i = 0; i < dims[0]!; i++) {
        const c = classOf(data.subarray(i * size, (i + 1) * size));
        if (c >= 0) logits[i * classes + c] = 1;
        else logits.fill(Number.NaN, i * classes, (i + 1) * classes);
      }
      return floats([dims[0]!, classes], logits);
    },
  };
  return { model, asked };
}

const taskOf = (
  model: Model,
  data: readonly number[][],
  norm: Norm,
  more: Partial<AttackTask<Model>> = {},
): AttackTask<Model> => ({
  model,
  x: floats([data.length, data[0]!.length], data.flat()),
  goal: { kind: "untargeted", labels: new Int32Array(data.length) },
  norm,
  epsilons: [100],
  indices: Int32Array.from(data.keys()),
  seed: 4,
  ...more,
});

const both = [
  ["boundary, l2", l2, (task: AttackTask<Model>, queries: number) => boundary.propose(task, { queries })],
  ["hopskipjump, l2", l2, (task: AttackTask<Model>, queries: number) => hopskipjump.propose(task, { queries })],
  ["hopskipjump, linf", linf, (task: AttackTask<Model>, queries: number) => hopskipjump.propose(task, { queries })],
] as const;

it("bisects many samples to their boundaries in the calls of one, and offers what it finds", async () => {
  const { model } = ruled(1, ([v]) => Number(v! > 0.3));
  const task = taskOf(model, [[0], [0.2], [0.25]], l2);
  const found = nearest(task);
  const points = floats([3, 1], [1, 0.9, 0.5]);
  await bisect(oracle(task, 100, found), task.x, points, [0, 1, 2], blend, 1e-3);
  for (const [i, v] of points.data.entries()) {
    expect(v).toBeGreaterThan(0.3);
    expect(v).toBeLessThan(0.301);
    expect(found.distances[i]).toBeCloseTo(v - task.x.data[i]!, 9);
  }
});

it("adapts a length by the share of successes", () => {
  const verdict = verdicts({ outcomes: 4, above: 0.5, below: 0.2 });
  expect([1, 0, 1, 0].map(verdict)).toEqual([0, 0, 0, 0]);
  expect([1, 1].map(verdict)).toEqual([0, 1]);
  expect([0, 0, 0, 0].map(verdict)).toEqual([0, 0, 0, -1]);
  expect([0, 0, 1, 0, 0, 0, 0].map(verdict)).toEqual([0, 0, 0, 0, 0, 0, -1]);
});

describe.each(both)("%s", (_, norm, propose) => {
  it("asks no more than it may", async () => {
    for (const queries of [1, 12, 333]) {
      const { model, asked } = ruled(5, (p) => Number(p[0]! + p[1]! > 0.9));
      await propose(taskOf(model, [Array(5).fill(0.2), Array(5).fill(0.4)], norm), queries);
      for (const sample of [0, 1]) expect(asked.filter((s) => s === sample)).toHaveLength(queries);
    }
  });

  it("leaves a sample without a start as it was, and one that needs none, and goes on with the others", async () => {
    // Class 1 is a corner that no draw of noise meets; the second sample lies in it, the third near class 2.
    const { model } = ruled(30, (p) => (p.every((v) => v > 0.9) ? 1 : p[0]! > 0.5 ? 2 : 0), 3);
    const data = [Array(30).fill(0.4), Array(30).fill(0.95), Array(30).fill(0.45)];
    const goal: Goal = {
      kind: "targeted",
      labels: Int32Array.of(0, 0, 0),
      targets: Int32Array.of(1, 1, 2),
    };
    const task = taskOf(model, data, norm, { goal });
    const [candidates] = await propose(task, 1500);
    expect(candidates!.data.slice(0, 60)).toEqual(task.x.data.slice(0, 60));
    const { success, distances } = await judge(
      { ...model, logits: (x) => model.logits(x, new Int32Array(3)) },
      task.x,
      candidates!,
      goal,
      norm,
      100,
    );
    expect([...success]).toEqual([0, 1, 1]);
    expect(distances[2]).toBeLessThan(norm === l2 ? 0.1 : 0.06);
  });

  it("starts from an example where noise meets no target", async () => {
    const { model } = ruled(30, (p) => Number(p.every((v) => v > 0.9)));
    const goal: Goal = { kind: "targeted", labels: Int32Array.of(0), targets: Int32Array.of(1) };
    // The nearest of the class is not known as such to the model.
    const examples = {
      x: floats([3, 30], [...Array(30).fill(0.7), ...Array(30).fill(0.95), ...Array(30).fill(0.5)]),
      labels: Int32Array.of(1, 1, 0),
      indices: Int32Array.of(7, 8, 9),
    };
    const task = taskOf(model, [Array(30).fill(0.5)], norm, { goal, examples });
    const [candidates] = await propose(task, 40);
    expect(candidates!.data.every((v) => v > 0.9 && v < 0.91)).toBe(true);
  });

  it("ends where the model answers no more", async () => {
    let answers = 30;
    const { model, asked } = ruled(5, (p) => (answers-- > 0 ? Number(p[0]! > 0.5) : -1));
    const [candidates] = await propose(taskOf(model, [Array(5).fill(0.2)], norm), 10_000);
    expect(candidates!.data[0]).toBeGreaterThan(0.5);
    // One call of HopSkipJump holds the 100 probes of an estimate.
    expect(asked.length).toBeLessThan(200);
  });
});

it.each([
  [boundary, { steps: 0 }],
  [boundary, { queries: 1.5 }],
  [boundary, { adaptation: 1 }],
  [boundary, { sourceStep: Number.NaN }],
  [hopskipjump, { iterations: 0 }],
  [hopskipjump, { gamma: 0 }],
] as const)("refuses wrong options, %#", async (attack, options) => {
  const { model } = ruled(5, () => 0);
  await failure("usage", () =>
    attack.propose(
      taskOf(
        model,
        [numbers(5, 1, 0, 1)].map((v) => [...v]),
        l2,
      ),
      options,
    ),
  );
});

describe("on the fixture LeNet", () => {
  let lenet: GraphModel;
  let batch: Batch;
  beforeAll(async () => {
    lenet = openClassifier(lenetFile(), nodeRuntime("cpu", 1));
    batch = await firstBatch(await openDataset("mnist"), 8);
  });
  afterAll(() => lenet.release());

  it("HopSkipJump comes within thrice the distance of gradient attacks in 1,000 queries", async () => {
    const goal: Goal = { kind: "untargeted", labels: batch.labels };
    const { x, indices } = batch;
    const task = { model: lenet, x, goal, norm: l2, epsilons: [1e3], indices, seed: 0 };
    const [candidates] = await hopskipjump.propose(task, { queries: 1000 });
    const { success, distances } = await judge(lenet, x, candidates!, goal, l2, 1e3);
    expect([...success]).toEqual(Array(8).fill(1));
    // DDN's mean over them is about 1.5.
    expect(distances.reduce((a, b) => a + b, 0) / 8).toBeLessThan(4.5);
  });
});
