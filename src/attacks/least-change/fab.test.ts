import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { bestRise } from "../../../test/support/balls.ts";
import { failure } from "../../../test/support/datasets.ts";
import { floats, lenetFile, linearGraph, numbers, open, smallNetwork, using } from "../../../test/support/models.ts";
import { type AttackTask, judge } from "../../attack.ts";
import { openDataset } from "../../datasets/locate.node.ts";
import type { DifferentiableModel, Goal } from "../../model.ts";
import { openClassifier } from "../../models/classifier/graph-model.ts";
import { type Norm, norms } from "../../norm.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import type { FloatTensor } from "../../tensor.ts";
import { ddn } from "./ddn.ts";
import { moveToHyperplane } from "./fab/hyperplane.ts";
import { fab, fabT } from "./fab.ts";

const NORMS = ["linf", "l2", "l1"] as const;
const box = { lower: 0, upper: 1 };

describe.each(NORMS)("the least move to a hyperplane inside the box, %s", (name) => {
  const norm = norms[name];
  const least = (p: Float32Array, w: Float32Array, rise: number): number => {
    const g = rise > 0 ? w : w.map((v) => -v);
    let [low, high] = [0, 100];
    for (let k = 0; k < 40; k++) {
      const middle = (low + high) / 2;
      if (bestRise(name, p, g, middle, box) >= Math.abs(rise)) high = middle;
      else low = middle;
    }
    return high;
  };
  // Few distinct values, so that elements are equal, at a bound, or without weight.
  const coarse = (values: readonly number[]) => fc.constantFrom(...values);
  const element = fc.tuple(
    fc.oneof(coarse([0, 0.25, 0.5, 1]), fc.float({ min: 0, max: 1, noNaN: true })),
    fc.oneof(coarse([-2, -1, 0, 1, 2]), fc.float({ min: -3, max: 3, noNaN: true })),
  );

  it("has the length that the dual problem gives, and meets the hyperplane", () =>
    fc.assert(
      fc.property(
        fc.array(element, { minLength: 1, maxLength: 40 }),
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        fc.boolean(),
        fc.constantFrom(1e-9, 1, 1e6),
        (elements, share, up, scale) => {
          const p = Float32Array.from(elements, ([v]) => v);
          const w = Float32Array.from(elements, ([, v]) => v * scale);
          const most = bestRise("linf", p, up ? w : w.map((v) => -v), 1, box);
          fc.pre(most > 1e-3 * scale);
          const rise = (up ? 1 : -1) * share * most;
          const d = new Float32Array(p.length);
          const length = moveToHyperplane(d, p, w, rise, norm, box);
          const sum = d.reduce((total, v, i) => total + v * w[i]!, 0);
          expect(Math.abs(sum - rise)).toBeLessThan(1e-5 * most);
          expect(length).toBe(norm.length(d));
          expect(Math.abs(length - least(p, w, rise))).toBeLessThan(1e-5 * (1 + length));
          for (const [i, v] of d.entries()) {
            expect(p[i]! + v).toBeGreaterThanOrEqual(0);
            expect(p[i]! + v).toBeLessThanOrEqual(1 + 2 ** -24);
            if (w[i] === 0) expect(v).toBe(0);
          }
        },
      ),
      // The dual problem of L2 is solved by an inner bisection.
      { seed: 1, numRuns: name === "l2" ? 50 : 300 },
    ));

  it("is the corner of the box where the hyperplane does not cut it", () => {
    const d = new Float32Array(4);
    moveToHyperplane(d, Float32Array.of(0.25, 0.5, 1, 0.5), Float32Array.of(1, -2, 3, 0), 9, norm, box);
    expect([...d]).toEqual([0.75, -0.5, 0, 0]);
    moveToHyperplane(d, Float32Array.of(0.25, 0.5, 1, 0.5), Float32Array.of(1, -2, 3, 0), -9, norm, box);
    expect([...d]).toEqual([-0.25, 0.5, -1, 0]);
  });

  it.each([
    ["a slope", Float32Array.of(1, Number.NaN), 1],
    ["an infinite slope", Float32Array.of(1, Number.POSITIVE_INFINITY), 1],
    ["a height", Float32Array.of(1, 1), Number.NaN],
    ["no slope", Float32Array.of(0, 0), 1],
  ])("is none where there is nothing to go by: %s", (_, w, rise) => {
    const d = Float32Array.of(5, 5);
    expect(moveToHyperplane(d, Float32Array.of(0.5, 0.5), w, rise, norm, box)).toBe(0);
    expect([...d]).toEqual([0, 0]);
  });
});

const shape = [2, 3, 3];
const model = open(smallNetwork(shape, 5));
afterAll(() => model.release());
const [n, size] = [6, 18];
const x = floats([n, ...shape], numbers(n * size, 1, 0, 1));
const indices = Int32Array.from({ length: n }, (_, i) => i);

async function task(more: Partial<AttackTask<DifferentiableModel>> = {}): Promise<AttackTask<DifferentiableModel>> {
  const { logits } = await model.gradient(x, { kind: "untargeted", labels: new Int32Array(n) });
  const labels = Int32Array.from(indices, (i) => {
    const row = logits.data.subarray(5 * i, 5 * i + 5);
    return row.indexOf(Math.max(...row));
  });
  return { model, x, goal: { kind: "untargeted", labels }, norm: norms.l2, epsilons: [10], indices, seed: 1, ...more };
}

async function distances(given: AttackTask<DifferentiableModel>, [candidates]: readonly FloatTensor[]) {
  const verdict = await judge(given.model, given.x, candidates!, given.goal, given.norm, given.epsilons[0]!);
  return [...verdict.distances].map((d, i) => (verdict.success[i] ? d : Number.POSITIVE_INFINITY));
}

it.each([fab, fabT])("$name gets nearer by the final search and by restarts, never farther", async (attack) => {
  const given = await task();
  const run = async (options: object) => distances(given, await attack.propose(given, { steps: 10, ...options }));
  const plain = await run({ finalSteps: 0 });
  const searched = await run({});
  const restarted = await run({ finalSteps: 0, restarts: 3 });
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  for (const i of indices) {
    expect(searched[i]).toBeLessThanOrEqual(plain[i]!);
    expect(restarted[i]).toBeLessThanOrEqual(plain[i]!);
  }
  expect(sum(searched)).toBeLessThan(sum(plain));
  expect(sum(restarted)).toBeLessThan(sum(plain));
});

it("leaves a sample once it lies inside the smallest ε, where that is enough", async () => {
  const given = await task({ epsilons: [0, 0.6] });
  const outcome = async (stopInside: boolean) => {
    const before = model.cost.gradients;
    const [, candidates] = await fabT.propose(given, { stopInside, steps: 20 });
    const { success } = await judge(model, x, candidates!, given.goal, norms.l2, 0.6);
    return { success: [...success], gradients: model.cost.gradients - before };
  };
  const [all, first] = [await outcome(false), await outcome(true)];
  expect(first.success).toEqual(all.success);
  expect(all.success).toContain(1);
  expect(first.gradients).toBeLessThan(all.gradients);
});

describe("on a linear model of five classes", () => {
  // Class 2 has the second largest logit, class 4 the nearest boundary.
  const weights = Float32Array.of(0, 0.2, 0.5, 0, 4, 0, 0.2, 0, 0.5, 3);
  const linear = open(linearGraph([2], weights, [3, 0, 1.5, 0.5, -2]));
  afterAll(() => linear.release());
  const point = floats([1, 2], [0.5, 0.5]);
  const goal: Goal = { kind: "untargeted", labels: Int32Array.of(0) };
  const asked = async (attack: typeof fab | typeof fabT, options: object, more: { goal?: Goal; norm?: Norm } = {}) => {
    const targets: number[] = [];
    const losses = new Set<string>();
    const watched: DifferentiableModel = {
      ...linear,
      gradient(at, aim, loss, samples) {
        losses.add(loss!);
        if (aim.kind === "targeted" && targets.at(-1) !== aim.targets[0]) targets.push(aim.targets[0]!);
        return linear.gradient(at, aim, loss, samples);
      },
    };
    const base = { model: watched, x: point, goal, norm: norms.l2, epsilons: [10], indices: Int32Array.of(0), seed: 0 };
    const given: AttackTask<DifferentiableModel> = { ...base, ...more };
    const [distance] = await distances(given, await attack.propose(given, options));
    return { distance, targets, losses: [...losses] };
  };

  it("FAB looks at the classes by falling logit, and takes the nearest boundary", async () => {
    const { distance, targets, losses } = await asked(fab, { steps: 1, finalSteps: 0, alphaMax: 0 });
    expect([targets, losses]).toEqual([[2, 4, 3, 1], ["targeted-margin"]]);
    // One step, η times as long as the way to the boundary.
    expect(distance).toBeCloseTo(1.05 * (1.5 / 5), 5);
    expect((await asked(fab, { steps: 1, rivals: 2 })).targets).toEqual([2, 4]);
  });

  it("FAB-T takes them as targets in turn, and the target of a goal alone", async () => {
    expect((await asked(fabT, { steps: 2, targets: 3 })).targets).toEqual([2, 4, 3]);
    const one: Goal = { kind: "targeted", labels: Int32Array.of(0), targets: Int32Array.of(2) };
    const { targets, losses } = await asked(fabT, { steps: 2 }, { goal: one });
    expect([targets, losses]).toEqual([[2], ["margin"]]);
  });
});

it.each([fab, fabT])("$name gives up quietly where the gradient is dead", async (attack) =>
  using(open(linearGraph([2], new Float32Array(4), [1, 0])), async (dead) => {
    const goal: Goal = { kind: "untargeted", labels: Int32Array.of(0) };
    const at = floats([1, 2], [0.2, 0.8]);
    const given = { model: dead, x: at, goal, norm: norms.l2, epsilons: [9], indices: Int32Array.of(0), seed: 0 };
    const [candidates] = await attack.propose(given, { restarts: 2, steps: 5 });
    expect(candidates).toEqual(at);
  }),
);

it.each([
  [{ steps: 0 }, "steps must be a whole number from 1, got 0"],
  [{ restarts: 1.5 }, "restarts must be a whole number from 1"],
  [{ finalSteps: -1 }, "finalSteps must be a whole number from 0"],
  [{ alphaMax: 2 }, "alphaMax is a share from 0 to 1, got 2"],
  [{ beta: -1 }, "beta is a share"],
  [{ beta: Number.NaN }, "beta is a number (by default 0.9); got NaN"],
  [{ eta: 0.5 }, "eta is the way past the boundary"],
])("refuses %j", async (wrong, says) => {
  const given = await task();
  expect((await failure("usage", () => fab.propose(given, wrong))).message).toContain(says);
  expect((await failure("usage", () => fabT.propose(given, { targets: 0 }))).message).toContain("targets");
});

it("on 16 images of MNIST and the LeNet, comes as near as DDN", async () => {
  const lenet = openClassifier(lenetFile(), nodeRuntime("cpu", 1));
  const mnist = await openDataset("mnist");
  for await (const batch of mnist.batches({ batch: 16, limit: 16 })) {
    const goal: Goal = { kind: "untargeted", labels: batch.labels };
    const given = { model: lenet, ...batch, goal, norm: norms.l2, epsilons: [100], seed: 0 };
    const mean = async (proposed: Promise<readonly FloatTensor[]>) =>
      (await distances(given, await proposed)).reduce((sum, d) => sum + d / 16, 0);
    const best = await mean(ddn.propose(given));
    expect(await mean(fab.propose(given, { steps: 40, rivals: 4 }))).toBeLessThan(1.05 * best);
    expect(await mean(fabT.propose(given, { steps: 40, targets: 4 }))).toBeLessThan(1.03 * best);
  }
  await lenet.release();
});
