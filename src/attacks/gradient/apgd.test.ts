import { afterAll, describe, expect, it } from "vitest";
import { bestRise } from "../../../test/support/balls.ts";
import { floats, lenetFile, linearGraph, numbers, open, twoClassGraph } from "../../../test/support/models.ts";
import { type AnyAttack, judge, proposeWith } from "../../attack.ts";
import { openDataset } from "../../datasets/locate.node.ts";
import type { DifferentiableModel } from "../../model.ts";
import { openClassifier } from "../../models/classifier/graph-model.ts";
import { norms } from "../../norm.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import type { FloatTensor } from "../../tensor.ts";
import { projectL1Box } from "./apgd/ball-and-box.ts";
import { newClimber, observe } from "./apgd/climber.ts";
import { checkpoints, momentum } from "./apgd/momentum.ts";
import { apgdCe, apgdDlr, apgdT } from "./apgd.ts";
import { bim } from "./bim.ts";
import { fgsm } from "./fgsm.ts";
import { pgd } from "./pgd.ts";

type Climbing = AnyAttack<DifferentiableModel>;

describe("the schedule", () => {
  it("has the paper's checkpoints: p_0 = 0, p_1 = .22, p_(j+1) = p_j + max(p_j - p_(j-1) - .03, .06)", () => {
    for (const steps of [100, 200, 1000]) {
      // In hundredths: their sums are exact.
      const p = [0, 22];
      while (p.at(-1)! <= 100) p.push(p.at(-1)! + Math.max(p.at(-1)! - p.at(-2)! - 3, 6));
      expect(checkpoints(steps)).toEqual(p.slice(1, -1).map((hundredths) => (hundredths * steps) / 100));
    }
    expect(checkpoints(100)).toEqual([22, 41, 57, 70, 80, 87, 93, 99]);
    expect(checkpoints(10)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  const ball = { norm: norms.linf, epsilon: 0.1, bounds: { lower: 0, upper: 1 } };
  /** A climber whose losses these are, one step each. */
  const climbed = (losses: readonly number[]) => {
    const climber = newClimber(0, Float32Array.of(0.5), Float32Array.of(0.5), 0.2);
    for (const [i, loss] of losses.entries()) {
      climber.at[0] = i / 100;
      observe(climber, loss, Float32Array.of(i));
    }
    return climber;
  };

  it("halves the step, and goes back to the best point, when the loss rose in ρ of the steps or fewer", () => {
    const climber = climbed([0, 1, 2, 5, 4]);
    momentum.review(climber, ball, 4, 0.75);
    expect(climber).toMatchObject({ step: 0.1, halved: true, rises: 0, checkedLoss: 5 });
    expect([climber.at[0], climber.gradient[0]]).toEqual([Math.fround(0.03), 3]);
  });

  it("goes on where the loss kept rising, and halves when the best one has not risen since a step that was not halved", () => {
    const climber = climbed([0, 1, 2, 3, 4]);
    momentum.review(climber, ball, 4, 0.75);
    expect(climber).toMatchObject({ step: 0.2, halved: false, checkedLoss: 4 });
    for (const loss of [0, 1, 2, 3, 4]) observe(climber, loss, Float32Array.of(0));
    momentum.review(climber, ball, 4, 0.75);
    expect(climber).toMatchObject({ step: 0.1, halved: true });
    // A step that was halved is not halved again for that reason.
    for (const loss of [0, 1, 2, 3, 4]) observe(climber, loss, Float32Array.of(0));
    climber.rises = 4;
    momentum.review(climber, ball, 4, 0.75);
    expect(climber).toMatchObject({ step: 0.1, halved: false });
  });
});

describe("the projection onto the L1 ball cut by the box", () => {
  it.each([0.01, 0.5, 3, 20])("gives the nearest point (ε = %f)", (epsilon) => {
    const size = 40;
    for (let seed = 0; seed < 20; seed++) {
      const x = numbers(size, seed, 0, 1).map((v, i) => (i % 5 === 0 ? 0 : v));
      const given = numbers(size, 100 + seed, -2, 2).map((v, i) => v + x[i]!);
      const out = given.slice();
      projectL1Box(out, x, epsilon, { lower: 0, upper: 1 });
      expect(out.every((v) => v >= 0 && v <= 1)).toBe(true);
      expect(norms.l1.distance(out, x)).toBeLessThanOrEqual(epsilon + 1e-6);
      // The nearest point p of a convex set to y is the one at which no point of the set rises along y - p.
      const toward = given.map((v, i) => v - out[i]!);
      const reached = out.reduce((sum, v, i) => sum + toward[i]! * (v - x[i]!), 0);
      expect(reached).toBeCloseTo(bestRise("l1", x, toward, epsilon, { lower: 0, upper: 1 }), 4);
    }
  });
});

// Of the second, float32 has no probability of another class either.
describe.each([20, 200])("on a linear model whose float32 cross-entropy is 0: %i logits behind", (behind) => {
  const [n, size] = [6, 60];
  const w = numbers(size, 5);
  const x = floats([n, size], numbers(n * size, 2, 0, 1).fill(0, 0, size));
  const weights = Float32Array.from({ length: 4 * size }, (_, i) => (i % 4 === 1 ? w[(i - 1) / 4]! : 0));
  const model = open(linearGraph([size], weights, [0, -behind, -behind - 10, -behind - 11]));
  afterAll(() => model.release());
  const share = async (attack: Climbing, name: "linf" | "l2" | "l1", epsilons: readonly number[]) => {
    const goal = { kind: "untargeted", labels: new Int32Array(n) } as const;
    const indices = Int32Array.from({ length: n }, (_, i) => i);
    const task = { model, x, goal, norm: norms[name], epsilons, indices, seed: 0 };
    const candidates = await proposeWith({ attack, options: attack.defaults }, task);
    const shares = candidates.flatMap(({ data }, k) =>
      Array.from({ length: n }, (_, i) => {
        const part = (values: Float32Array) => values.subarray(i * size, (i + 1) * size);
        const rise = w.reduce((sum, v, j) => sum + v * (part(data)[j]! - part(x.data)[j]!), 0);
        return rise / bestRise(name, part(x.data), w, epsilons[k]!, model.bounds);
      }),
    );
    return Math.min(...shares);
  };

  it("PGD and BIM still climb", async () => {
    for (const attack of [pgd, bim])
      for (const [name, epsilons] of [
        ["linf", [0.03, 0.3]],
        ["l2", [0.2, 3]],
        ["l1", [0.5, 12]],
      ] as const)
        expect(await share(attack, name, epsilons)).toBeGreaterThan(attack === pgd ? 1 - 1e-5 : 0.9);
  });

  it.each([apgdCe, apgdDlr])("still climbs: $name", async (attack) => {
    expect(await share(attack, "linf", [0.03, 0.3])).toBeGreaterThan(1 - 1e-5);
    expect(await share(attack, "l2", [0.2, 1.5, 3])).toBeGreaterThan(0.999);
    expect(await share(attack, "l1", [0.5, 4, 12])).toBeGreaterThan(1 - 1e-5);
  });
});

describe("on 50 images of MNIST and the LeNet", () => {
  const model = openClassifier(lenetFile(), nodeRuntime("cpu", 1));
  afterAll(() => model.release());

  it("fools what PGD-40 fools, with the cross-entropy, and more than FGSM, with any loss", async () => {
    const mnist = await openDataset("mnist");
    for await (const { x, labels, indices } of mnist.batches({ batch: 50, limit: 50 })) {
      const goal = { kind: "untargeted", labels } as const;
      const task = { model, x, goal, norm: norms.linf, epsilons: [0.1], indices, seed: 0 };
      const notFooled = async (propose: (given: typeof task) => Promise<readonly FloatTensor[]>) => {
        const [candidates] = await propose(task);
        const { success } = await judge(model, x, candidates!, goal, norms.linf, 0.1);
        return success.filter((s) => s === 0).length;
      };
      const byFgsm = await notFooled(fgsm.propose);
      const byCe = await notFooled(apgdCe.propose);
      const byDlr = await notFooled(apgdDlr.propose);
      expect(byCe).toBeLessThanOrEqual(await notFooled(pgd.propose));
      expect(byCe).toBeLessThan(byFgsm);
      expect(byDlr).toBeLessThan(byFgsm);
      expect(await notFooled((given) => apgdT.propose(given, { targets: 3 }))).toBeLessThanOrEqual(byDlr);
    }
  });
});

it("goes through balls of 3ε, 2ε and ε in L1, each from the projection of the best point so far", async () => {
  const size = 12;
  const model = open(linearGraph([size], numbers(4 * size, 3), [9, 0, 0, 0]));
  const x = floats([1, size], numbers(size, 4, 0.2, 0.8));
  const [epsilon, steps] = [0.5, 20];
  const asked: { at: Float32Array; loss: number; length: number }[] = [];
  const watched: typeof model = {
    ...model,
    async gradient(at, goal, loss) {
      const answer = await model.gradient(at, goal, loss);
      asked.push({ at: at.data.slice(), loss: answer.loss.data[0]!, length: norms.l1.distance(at.data, x.data) });
      return answer;
    },
  };
  const labels = Int32Array.of(0);
  const goal = { kind: "untargeted", labels } as const;
  const task = { model: watched, x, goal, norm: norms.l1, epsilons: [epsilon], indices: labels, seed: 0 };
  await apgdCe.propose(task, { steps });
  // As many points as steps, and the start, in each of them; then the exact first-order point.
  const stages = [asked.slice(0, 7), asked.slice(7, 14), asked.slice(14)];
  expect(stages.map(({ length }) => length)).toEqual([7, 7, 10]);
  for (const [k, stage] of stages.entries()) {
    const radius = (3 - k) * epsilon;
    expect(Math.max(...stage.map(({ length }) => length))).toBeCloseTo(radius, 5);
    if (k === 0) continue;
    const best = stages[k - 1]!.reduce((a, b) => (b.loss > a.loss ? b : a)).at.slice();
    projectL1Box(best, x.data, radius, model.bounds);
    for (const [j, v] of stage[0]!.at.entries()) expect(v).toBeCloseTo(best[j]!, 6);
  }
  // Three steps are too few for larger balls.
  asked.length = 0;
  await apgdCe.propose(task, { steps: 3 });
  expect(asked.map(({ length }) => length <= epsilon * (1 + 1e-6))).toEqual(Array(5).fill(true));
  await model.release();
});

it("takes the most likely other classes as targets in turn, and the target of a goal alone", async () => {
  const model = open(linearGraph([2], Float32Array.of(1, 0, 0, 0, 0, 0, 0, 1, 0, 0), [9, 1, 3, 2, 4]));
  const asked: number[] = [];
  const watched: typeof model = {
    ...model,
    gradient(x, goal, loss) {
      if (goal.kind === "targeted" && asked.at(-1) !== goal.targets[0]) asked.push(goal.targets[0]!);
      expect([goal.labels[0], loss]).toEqual([0, "targeted-dlr"]);
      return model.gradient(x, goal, loss);
    },
  };
  const labels = Int32Array.of(0);
  const task = {
    model: watched,
    x: floats([1, 2], [0.5, 0.5]),
    norm: norms.linf,
    epsilons: [0.1],
    indices: labels,
    seed: 0,
  };
  await apgdT.propose({ ...task, goal: { kind: "untargeted", labels } }, { targets: 3, steps: 2 });
  expect(asked).toEqual([4, 2, 3]);
  await apgdT.propose({ ...task, goal: { kind: "untargeted", labels } }, { steps: 2, restarts: 2 });
  expect(asked).toEqual([4, 2, 3, 4, 2, 3, 1]);
  await apgdT.propose({ ...task, goal: { kind: "targeted", labels, targets: Int32Array.of(2) } }, { steps: 2 });
  expect(asked).toEqual([4, 2, 3, 4, 2, 3, 1, 2]);
  await expect(model.gradient(task.x, { kind: "untargeted", labels }, "targeted-dlr")).rejects.toMatchObject({
    code: "usage",
    message: "The loss targeted-dlr compares labels with targets. Give a targeted goal.",
  });
  await model.release();
});

it("refuses the ratio of logits to a model of two classes, and names what works", async () => {
  const model = open(twoClassGraph(Float32Array.of(1, 2)));
  const task = {
    model,
    x: floats([1, 2], [0.5, 0.5]),
    goal: { kind: "untargeted", labels: Int32Array.of(0) },
    norm: norms.linf,
    epsilons: [0.1],
    indices: Int32Array.of(0),
    seed: 0,
  } as const;
  await expect(apgdDlr.propose(task)).rejects.toMatchObject({
    code: "usage",
    message: "apgd-dlr compares the 3 largest logits, and test has 2 classes. Take apgd-ce.",
  });
  await apgdCe.propose(task);
  await model.release();
});
