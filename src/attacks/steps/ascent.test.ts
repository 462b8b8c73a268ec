import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bestRise } from "../../../test/support/balls.ts";
import { floats, lenetFile, linearGraph, numbers, open, smallNetwork } from "../../../test/support/models.ts";
import { type Attack, type AttackTask, judge, predict } from "../../attack.ts";
import type { Batch } from "../../dataset.ts";
import { openDataset } from "../../datasets/locate.node.ts";
import { PerturbError } from "../../errors.ts";
import type { DifferentiableModel, Goal } from "../../model.ts";
import { type GraphModel, openClassifier } from "../../models/classifier/graph-model.ts";
import { type Norm, norms } from "../../norm.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import { type FloatTensor, takeRows } from "../../tensor.ts";
import { bim } from "../gradient/bim.ts";
import { fgsm } from "../gradient/fgsm.ts";
import { miFgsm } from "../gradient/mi-fgsm.ts";
import { niFgsm } from "../gradient/ni-fgsm.ts";
import { pgd } from "../gradient/pgd.ts";
import { rFgsm } from "../gradient/r-fgsm.ts";
import { objective } from "./losses.ts";
import { accumulated, adam } from "./steering.ts";

const [n, size, classes] = [5, 12, 4];
const network = open(smallNetwork([size], classes));
afterAll(() => network.release());
const x = floats([n, size], numbers(n * size, 3, 0, 1));
const taskOf = (more: Partial<AttackTask<DifferentiableModel>> = {}): AttackTask<DifferentiableModel> => ({
  model: network,
  x,
  goal: { kind: "untargeted", labels: Int32Array.of(0, 1, 2, 3, 0) },
  norm: norms.linf,
  epsilons: [0.05],
  indices: Int32Array.from({ length: n }, (_, i) => i),
  seed: 1,
  ...more,
});

describe("the attacks among each other", () => {
  const once = { steps: 1, stepSize: "1eps", stopAtSuccess: false } as const;

  it.each(["linf", "l2", "l1"] as const)(
    "one step of ε from x is FGSM, %s, or x where that is better",
    async (name) => {
      const norm = norms[name];
      const [expected] = await fgsm.propose(taskOf({ norm }));
      const goal = taskOf().goal;
      const better = objective(await network.logits(expected!), goal, "cross-entropy");
      const before = objective(await network.logits(x), goal, "cross-entropy");
      for (const attack of [bim, miFgsm]) {
        const [got] = await attack.propose(taskOf({ norm }), once);
        for (let i = 0; i < n; i++) {
          const part = takeRows(better[i]! >= before[i]! ? expected! : x, [i]);
          expect(Math.max(...takeRows(got!, [i]).data.map((v, j) => Math.abs(v - part.data[j]!)))).toBeLessThan(1e-6);
        }
      }
    },
  );

  it("a dense step in L1 goes along the gradient, and then back into the ball", async () => {
    const norm = norms.l1;
    const asked: FloatTensor[] = [];
    const logits: typeof network.logits = (points, samples) => {
      asked.push({ ...points, data: points.data.slice() });
      return network.logits(points, samples);
    };
    const options = { ...once, stepSize: "1.5eps", randomStart: false, l1Step: "dense" } as const;
    await pgd.propose(taskOf({ norm, model: { ...network, logits } }), options);
    const { gradient } = await network.gradient(x, taskOf().goal);
    for (let i = 0; i < n; i++) {
      const part = ({ data }: FloatTensor) => data.subarray(i * size, (i + 1) * size);
      const length = norm.length(part(gradient));
      const expected = part(x).map((v, j) => v + (1.5 * 0.05 * part(gradient)[j]!) / length);
      norm.project(expected, part(x), 0.05, network.bounds);
      // FGSM's point is looked at first.
      for (const [j, v] of part(asked[1]!).entries()) expect(v).toBeCloseTo(expected[j]!, 6);
    }
  });

  it("without momentum, MI-FGSM and NI-FGSM are BIM", async () => {
    const expected = await bim.propose(taskOf());
    const { steps, stepSize } = bim.defaults;
    for (const attack of [miFgsm, niFgsm])
      expect(await attack.propose(taskOf(), { steps, stepSize, momentum: 0 })).toEqual(expected);
  });

  it("a restart begins elsewhere, and never loses what was found", async () => {
    const options = { steps: 3, stopAtSuccess: false };
    const goal = taskOf().goal;
    const [one, many] = await Promise.all(
      [1, 4].map(async (restarts) => {
        const [candidates] = await pgd.propose(taskOf(), { ...options, restarts });
        return objective(await network.logits(candidates!), goal, "cross-entropy");
      }),
    );
    expect(many!.every((value, i) => value >= one![i]! - 1e-6)).toBe(true);
    expect(many!.some((value, i) => value > one![i]! + 1e-6)).toBe(true);
  });

  it.each([pgd, bim, miFgsm, rFgsm])("a gradient of zeros, or NaN, leaves $name with pixels", async (attack) => {
    const flat = open(linearGraph([size], new Float32Array(size * classes), [1, 0, 0, 0]));
    const labels = new Int32Array(n);
    for (const gradientOf of [0, Number.NaN]) {
      const model: DifferentiableModel = {
        ...flat,
        gradient: async (...given) => {
          const { gradient, ...rest } = await flat.gradient(...given);
          return { ...rest, gradient: { ...gradient, data: gradient.data.fill(gradientOf) } };
        },
      };
      for (const norm of [norms.linf, norms.l2, norms.l1]) {
        const [candidates] = await (attack as Attack<DifferentiableModel>).propose(
          taskOf({ model, norm, goal: { kind: "untargeted", labels } }),
        );
        expect(candidates!.data.every((v) => v >= 0 && v <= 1)).toBe(true);
      }
    }
    await flat.release();
  });

  it("refuses options that make no sense", async () => {
    const l2 = taskOf({ norm: norms.l2 });
    for (const work of [
      () => pgd.propose(taskOf(), { steps: 0 }),
      () => pgd.propose(taskOf(), { restarts: 1.5 }),
      () => pgd.propose(taskOf(), { stepSize: 0 }),
      () => miFgsm.propose(taskOf(), { momentum: -1 }),
      () => pgd.propose(taskOf(), { optimizer: "adam", momentum: 0.5 }),
      () => pgd.propose(l2, { optimizer: "adam" }),
    ])
      await expect(work()).rejects.toThrow(PerturbError);
  });

  it("PGD converges to the optimum of a linear loss in L2, with steps enough", async () => {
    const w = numbers(size, 5);
    const weights = Float32Array.from({ length: 2 * size }, (_, i) => (i % 2 ? w[(i - 1) / 2]! : 0));
    const linear = open(linearGraph([size], weights, [0, -9]));
    const goal: Goal = { kind: "untargeted", labels: new Int32Array(n) };
    const task = taskOf({ model: linear, goal, norm: norms.l2, epsilons: [0.5] });
    const [candidates] = await pgd.propose(task, { steps: 400, stepSize: "0.02eps" });
    const [before, after] = await Promise.all([x, candidates!].map((points) => linear.logits(points)));
    for (let i = 0; i < n; i++) {
      const best = bestRise("l2", takeRows(x, [i]).data, w, 0.5, linear.bounds);
      expect((after!.data[2 * i + 1]! - before!.data[2 * i + 1]!) / best).toBeGreaterThan(0.998);
    }
    await linear.release();
  });
});

describe("steering", () => {
  it("adds gradients of any scale alike, each sample on its own", () => {
    const { turn } = accumulated(0.5, 2, 2);
    const turned = (g: readonly number[], row: number, t: number) => {
      const direction = Float32Array.from(g);
      turn(direction, row, t);
      return [...direction];
    };
    expect(turned([3, -1], 0, 0)).toEqual([1.5, -0.5]);
    expect(turned([2 ** -100, 2 ** -100], 1, 0)).toEqual([1, 1]);
    expect(turned([0, 0], 0, 1)).toEqual([0.75, -0.25]);
    expect(turned([-(2 ** 90), 0], 0, 2)).toEqual([-1.625, -0.125]);
    expect(turned([0, 2], 1, 1)).toEqual([0.5, 2.5]);
  });

  it("Adam's first step is the sign, however small the gradient", () => {
    const direction = Float32Array.of(1e-18, -5, 0);
    adam(1, 3).turn(direction, 0, 0);
    for (const [i, v] of [1, -1, 0].entries()) expect(direction[i]).toBeCloseTo(v, 1);
  });
});

it.each(["cross-entropy", "margin", "dlr"] as const)("%s from logits is the model's", async (loss) => {
  const labels = Int32Array.of(0, 1, 2, 3, 0);
  for (const goal of [
    { kind: "untargeted", labels },
    { kind: "targeted", labels, targets: labels.map((c) => (c + 1) % classes) },
  ] satisfies Goal[]) {
    const { logits, loss: expected } = await network.gradient(x, goal, loss);
    const got = objective(logits, goal, loss);
    for (let i = 0; i < n; i++) expect(got[i]).toBeCloseTo(expected.data[i]!, 5);
  }
});

describe("on the fixture LeNet, 200 MNIST images", () => {
  let lenet: GraphModel;
  let batch: Batch;
  beforeAll(async () => {
    lenet = openClassifier(lenetFile(), nodeRuntime("cpu", 1));
    for await (const all of (await openDataset("mnist")).batches({ batch: 200, limit: 200 })) batch = all;
  });
  afterAll(() => lenet.release());

  async function notFooled(attack: Attack<DifferentiableModel>, norm: Norm, epsilons: readonly number[]) {
    const { x, labels, indices } = batch;
    const goal: Goal = { kind: "untargeted", labels };
    const candidates = await attack.propose({ model: lenet, x, goal, norm, epsilons, indices, seed: 0 });
    const counts: number[] = [];
    for (const [k, epsilon] of epsilons.entries()) {
      const { success } = await judge(lenet, x, candidates[k]!, goal, norm, epsilon);
      counts.push(success.filter((reached) => reached === 0).length);
    }
    return counts;
  }

  it.each([
    ["linf", [0.1, 0.2, 0.3]],
    ["l2", [2]],
    ["l1", [10]],
  ] as const)("many steps are stronger than one, %s", async (name, epsilons) => {
    const norm = norms[name];
    const [one, ten, forty] = [
      await notFooled(fgsm, norm, epsilons),
      await notFooled(bim as Attack<DifferentiableModel>, norm, epsilons),
      await notFooled(pgd as Attack<DifferentiableModel>, norm, epsilons),
    ];
    for (const k of epsilons.keys()) {
      expect(ten[k]).toBeLessThan(one[k]!);
      expect(forty[k]).toBeLessThanOrEqual(ten[k]!);
    }
  });

  it("a fooled sample costs no more gradients", async () => {
    const before = lenet.cost.gradients;
    await notFooled(miFgsm as Attack<DifferentiableModel>, norms.linf, [0.3]);
    expect(lenet.cost.gradients - before).toBeLessThan(0.8 * 200 * miFgsm.defaults.steps);
    expect(predict(await lenet.logits(batch.x))).toHaveLength(200);
  });
});
