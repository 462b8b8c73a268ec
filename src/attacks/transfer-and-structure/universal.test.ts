import { afterAll, describe, expect, it } from "vitest";
import { floats, lenetFile, numbers, open, smallNetwork, twoClassGraph, using } from "../../../test/support/models.ts";
import { type AttackTask, type Examples, judge } from "../../attack.ts";
import { openDataset } from "../../datasets/locate.node.ts";
import type { DifferentiableModel, Goal } from "../../model.ts";
import { openClassifier } from "../../models/classifier/graph-model.ts";
import { metered } from "../../models/wrapped/metered.ts";
import { norms } from "../../norm.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import { takeRows } from "../../tensor.ts";
import { universal } from "./universal.ts";

const [n, size, classes] = [6, 8, 3];
const model = open(smallNetwork([size], classes));
afterAll(() => model.release());
/** Away from the bounds, so that δ is seen whole. */
const examples = (): Examples => ({
  x: floats([n, size], numbers(n * size, 1, 0.4, 0.6)),
  labels: Int32Array.of(0, 1, 2, 0, 1, 2),
  indices: Int32Array.from({ length: n }, (_, i) => 900 + i),
});
const x = floats([2, size], numbers(2 * size, 2, 0.4, 0.6));
const goal: Goal = { kind: "untargeted", labels: Int32Array.of(0, 1) };
const task = (more: Partial<AttackTask<DifferentiableModel>> = {}): AttackTask<DifferentiableModel> => ({
  model,
  x,
  goal,
  norm: norms.linf,
  epsilons: [0.1],
  indices: Int32Array.of(5, 6),
  seed: 0,
  examples: examples(),
  ...more,
});
/** A model that counts what it is asked, and about whom. */
function counted(of: DifferentiableModel = model) {
  const samples: number[] = [];
  const counting: DifferentiableModel = {
    ...of,
    gradient: (points, goal, loss, about) => {
      samples.push(...about!);
      return of.gradient(points, goal, loss, about);
    },
  };
  return { samples, counting };
}

it.each(["linf", "l2", "l1"] as const)("%s: adds one δ of length ε to every sample", async (name) => {
  const [candidates] = await universal.propose(task({ norm: norms[name] }));
  const [first, second] = [0, 1].map((i) => takeRows(candidates!, [i]).data.map((v, j) => v - x.data[i * size + j]!));
  for (let j = 0; j < size; j++) expect(first![j]).toBeCloseTo(second![j]!, 6);
  expect(norms[name].length(first!)).toBeCloseTo(0.1, 5);
});

describe("on a linear model", () => {
  const w = numbers(size, 3);
  it.each(["linf", "l2", "l1"] as const)("%s: reaches the optimum, which is the same for all samples", async (name) =>
    using(open(twoClassGraph(w, 0, [size])), async (linear) => {
      const given = task({
        model: linear,
        norm: norms[name],
        goal: { kind: "targeted", labels: Int32Array.of(0, 0), targets: Int32Array.of(1, 1) },
        examples: { ...examples(), labels: new Int32Array(n) },
      });
      const [candidates] = await universal.propose(given, { steps: 60 });
      const margin = ({ data }: { data: Float32Array }, i: number) => data[2 * i + 1]! - data[2 * i]!;
      const [before, after] = [await linear.logits(x), await linear.logits(candidates!)];
      const best = 0.1 * norms[norms[name].dual].length(w);
      for (let i = 0; i < 2; i++) {
        expect(margin(after, i) - margin(before, i)).toBeGreaterThan(0.99 * best);
        expect(margin(after, i) - margin(before, i)).toBeLessThan(best + 1e-5);
      }
    }),
  );
});

describe("what was learned", () => {
  it("is kept for all batches of an evaluation, and is about the examples alone", async () => {
    const given = examples();
    const { samples, counting } = counted();
    const first = await universal.propose(task({ model: metered(counting).model, examples: given }), { steps: 2 });
    expect(samples.toSorted((a, b) => a - b)).toEqual([...given.indices].flatMap((index) => [index, index]));
    const again = task({ model: metered(counting).model, examples: given });
    expect(await universal.propose(again, { steps: 2 })).toEqual(first);
    expect(samples).toHaveLength(2 * n);
  });

  it("is learned once by batches that begin at the same time", async () => {
    const given = examples();
    const { samples, counting } = counted();
    const batch = () => universal.propose(task({ model: metered(counting).model, examples: given }), { steps: 2 });
    const [one, other] = await Promise.all([batch(), batch()]);
    expect(one).toEqual(other);
    expect(samples).toHaveLength(2 * n);
  });

  it.each([
    ["norm", { norm: norms.l2 }],
    ["ε", { epsilons: [0.2] }],
    ["seed", { seed: 1 }],
    ["examples", { examples: examples() }],
    ["goal", { goal: { kind: "targeted", labels: goal.labels, targets: Int32Array.of(2, 2) } as Goal }],
  ])("is not taken for another %s", async (_, other) => {
    const given = examples();
    const { samples, counting } = counted();
    await universal.propose(task({ model: counting, examples: given }), { steps: 1 });
    const before = samples.length;
    await universal.propose(task({ model: counting, examples: given, ...other }), { steps: 1 });
    expect(samples.length).toBeGreaterThan(before);
  });

  it("is not taken for another model of the same name", async () => {
    const given = examples();
    const [one, other] = [counted(), counted()];
    await universal.propose(task({ model: metered(one.counting).model, examples: given }), { steps: 1 });
    await universal.propose(task({ model: metered(other.counting).model, examples: given }), { steps: 1 });
    expect(other.samples).toHaveLength(n);
  });

  it("is not kept where a budget cut it short, nor where it failed", async () => {
    const given = examples();
    const whole = await universal.propose(task());
    const starved = await universal.propose(task({ model: metered(model, 3).model, examples: given }));
    expect(starved).not.toEqual(whole);
    expect(await universal.propose(task({ model: metered(model, 3).model, examples: given }))).toEqual(starved);
    const signal = AbortSignal.abort();
    await expect(universal.propose(task({ examples: given, signal }))).rejects.toMatchObject({ code: "cancelled" });
    expect(await universal.propose(task({ examples: given }))).toEqual(whole);
  });

  it("does not depend on the order of the examples", async () => {
    const given = examples();
    const order = [3, 1, 5, 0, 2, 4];
    const shuffled: Examples = {
      x: takeRows(given.x, order),
      labels: Int32Array.from(order, (i) => given.labels[i]!),
      indices: Int32Array.from(order, (i) => given.indices[i]!),
    };
    const [one, other] = await Promise.all(
      [given, shuffled].map((examples) => universal.propose(task({ examples }), { batch: 2 })),
    );
    expect(one).toEqual(other);
  });
});

it("gives each sample the δ of its target", async () => {
  const given = examples();
  const towards = async (targets: readonly number[], rows: readonly number[]) => {
    const labels = Int32Array.from(rows, (i) => goal.labels[i]!);
    const part = { x: takeRows(x, rows), indices: Int32Array.from(rows, (i) => 5 + i), examples: given };
    const [candidates] = await universal.propose(
      task({ ...part, goal: { kind: "targeted", labels, targets: Int32Array.from(targets) } }),
    );
    return candidates!;
  };
  const both = await towards([1, 2], [0, 1]);
  expect(takeRows(both, [0])).toEqual(await towards([1], [0]));
  expect(takeRows(both, [1])).toEqual(await towards([2], [1]));
});

it.each([
  ["usage", { examples: undefined }, {}],
  ["mismatch", { examples: { ...examples(), x: floats([n, 2], new Float32Array(2 * n)) } }, {}],
  ["usage", {}, { steps: 0 }],
  ["usage", {}, { batch: 1.5 }],
  ["usage", {}, { stepSize: 0 }],
  ["usage", {}, { clip: -1 }],
] as const)("throws %s for %o %o", async (code, given, options) => {
  await expect(universal.propose(task(given), options)).rejects.toMatchObject({ code });
});

it("one δ, learned on other images, fools LeNet on half the digits", async () => {
  const lenet = openClassifier(lenetFile(), nodeRuntime("cpu", 1));
  const mnist = await openDataset("mnist");
  const batch = async (offset: number, limit: number) => {
    for await (const samples of mnist.batches({ batch: limit, offset, limit })) return samples;
    throw new Error("There are no such samples.");
  };
  const { x, labels, indices } = await batch(0, 100);
  const untargeted: Goal = { kind: "untargeted", labels };
  const attacked = { model: lenet, x, goal: untargeted, norm: norms.linf, epsilons: [0.3], indices, seed: 0 };
  const [candidates] = await universal.propose({ ...attacked, examples: await batch(5000, 200) }, { steps: 120 });
  const { success } = await judge(lenet, x, candidates!, untargeted, norms.linf, 0.3);
  expect(success.filter((done) => done === 1).length).toBeGreaterThanOrEqual(55);
  await lenet.release();
});
