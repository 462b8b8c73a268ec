import { afterAll, describe, expect, it } from "vitest";
import { bestRise } from "../../test/support/balls.ts";
import { floats, linearGraph, numbers, open, smallNetwork, twoClassGraph } from "../../test/support/models.ts";
import { type AnyAttack, type Attack, type AttackTask, defineAttack, judge, proposeWith } from "../attack.ts";
import { PerturbError } from "../errors.ts";
import { isLength } from "../length.ts";
import { type DifferentiableModel, type Goal, takeGoal } from "../model.ts";
import { metered } from "../models/wrapped/metered.ts";
import { type Norm, norms } from "../norm.ts";
import { type FloatTensor, takeRows } from "../tensor.ts";
import type { PgdOptions } from "./gradient/pgd.ts";
import { attacks } from "./index.ts";
import { defineEnsemble } from "./steps/ensemble.ts";

/** What rounding to float32 may add to a distance in [0, 1], by the number of elements: half a spacing for each. */
const rounding = (elements: number): number => elements * 2 ** -24;

const shape = [2, 3, 3];
const size = 18;
const n = 6;
const classes = 4;
const model = open(smallNetwork(shape, classes));
afterAll(() => model.release());

/** Random samples; some pixels at the bounds, one sample all black. */
const x: FloatTensor = floats(
  [n, ...shape],
  numbers(n * size, 1, -0.2, 1.2).map((v, i) => (i < size ? 0 : Math.min(1, Math.max(0, v)))),
);
const labels = Int32Array.of(0, 1, 2, 3, 0, 1);
const goals: Record<string, Goal> = {
  untargeted: { kind: "untargeted", labels },
  targeted: { kind: "targeted", labels, targets: labels.map((label) => (label + 1) % classes) },
};
const indices = Int32Array.from({ length: n }, (_, i) => 100 + i);

/** Budgets that make sense for each norm here, 0 among them. */
const EPSILONS: Record<string, readonly number[]> = {
  linf: [0, 0.03, 0.3],
  l2: [0, 0.2, 1.5],
  l1: [0, 0.5, 4],
  l0: [0, 1, 5],
  spatial: [0, 0.3, 1],
};

/** Options of attacks whose defaults take too long for this suite: nothing but smaller budgets. */
const LIGHTER: Record<string, object> = {
  boundary: { queries: 1300 },
  cw: { searches: 6, steps: 100, constant: 0.01 },
  "cw-linf": { gradients: 600, steps: 100 },
  fab: { steps: 30 },
  "fab-t": { steps: 30 },
  hopskipjump: { iterations: 4, queries: 900 },
  nes: { queries: 3000 },
  "one-pixel": { population: 50, generations: 10 },
  "sigma-zero": { steps: 100 },
  spsa: { steps: 60, pairs: 25 },
  square: { queries: 600 },
  universal: { steps: 20 },
};
/** An ensemble's members have other defaults in other norms. */
const optionsOf = ({ name, defaults, members }: Attack<DifferentiableModel>): object => ({
  ...(members ? {} : defaults),
  ...LIGHTER[name],
});

/** An ensemble whose members have smaller budgets. */
const lighter = (attack: Attack<DifferentiableModel>): Attack<DifferentiableModel> => {
  const { members } = attack;
  if (!members) return attack;
  const small = { apgd: { steps: 30 }, fab: { steps: 5 }, square: { queries: 100 } };
  const smaller = (name: string) => Object.entries(small).find(([start]) => name.startsWith(start))?.[1];
  return defineEnsemble({
    ...attack,
    members: (norm) =>
      members(norm).map((member) => ({
        ...member,
        options: { ...member.options, ...smaller(member.attack.name) },
        ...(member.eot && { eot: 2 }),
      })),
  });
};

const registered = Object.values(attacks as Record<string, Attack<DifferentiableModel>>).map(lighter);
const conformance = registered.flatMap((attack) =>
  attack.norms.flatMap((name) =>
    Object.entries(goals).map(([kind, goal]) => ({
      title: `${attack.name}, ${name}, ${kind}`,
      attack,
      norm: norms[name] as Norm,
      goal,
    })),
  ),
);

describe.each(conformance)("$title", ({ attack, norm, goal }) => {
  const epsilons = EPSILONS[norm.name]!;
  const task = (more: Partial<AttackTask<DifferentiableModel>> = {}): AttackTask<DifferentiableModel> => ({
    model,
    x,
    goal,
    norm,
    epsilons,
    indices,
    seed: 3,
    surrogate: model,
    examples: { x, labels, indices },
    ...more,
  });
  const propose = (more: Partial<AttackTask<DifferentiableModel>> = {}) =>
    proposeWith({ attack, options: optionsOf(attack) }, task(more));

  it("proposes one batch of fresh arrays for each ε, and leaves its input alone", async () => {
    const before = [x.data.slice(), labels.slice(), indices.slice()];
    const candidates = await propose();
    expect(candidates.map((c) => c.dims)).toEqual(epsilons.map(() => x.dims));
    expect(new Set([x, ...candidates].map((c) => c.data.buffer)).size).toBe(epsilons.length + 1);
    expect([x.data, labels, indices]).toEqual(before);
  });

  it("stays in the ball and the bounds once judged", async () => {
    for (const [k, candidates] of (await propose()).entries()) {
      const { adversarial, distances } = await judge(model, x, candidates, goal, norm, epsilons[k]!);
      expect(adversarial.data.every((v) => v >= model.bounds.lower && v <= model.bounds.upper)).toBe(true);
      for (let i = 0; i < n; i++) {
        const part = (t: FloatTensor) => t.data.subarray(i * size, (i + 1) * size);
        const distance = norm.distance(part(adversarial), part(x));
        expect(distances[i]).toBe(distance);
        // How far a picture was moved cannot be read from its pixels.
        if (norm !== norms.spatial)
          expect(distance).toBeLessThanOrEqual(epsilons[k]! + rounding(norm === norms.linf ? 1 : size));
      }
    }
  });

  it("leaves judge nothing to clip but rounding", async () => {
    for (const [k, candidates] of (await propose()).entries()) {
      const proposed = candidates.data.slice();
      const { adversarial } = await judge(model, x, candidates, goal, norm, epsilons[k]!);
      expect(Math.max(...adversarial.data.map((v, i) => Math.abs(v - proposed[i]!)))).toBeLessThanOrEqual(2 ** -23);
    }
  });

  it("changes nothing at ε = 0", async () => {
    const [candidates] = await propose({ epsilons: [0] });
    expect(candidates!.data).toEqual(x.data);
  });

  it("proposes the same twice", async () => expect(await propose()).toEqual(await propose()));

  it("proposes for a sample what it proposes for it alone, and in another order", async () => {
    const whole = await propose();
    const order = [4, 1, 5, 0, 3, 2];
    const alone = (rows: readonly number[]) =>
      propose({ x: takeRows(x, rows), goal: takeGoal(goal, rows), indices: Int32Array.from(rows, (i) => indices[i]!) });
    for (const rows of [...order.map((i) => [i]), order]) {
      const candidates = await alone(rows);
      for (const [k, all] of whole.entries()) {
        const difference = candidates[k]!.data.map((v, i) => Math.abs(v - takeRows(all, rows).data[i]!));
        // Kernels may round otherwise for another batch size.
        expect(Math.max(...difference)).toBeLessThanOrEqual(1e-6);
      }
    }
  });

  it("begins with the gradient it is given", async () => {
    const start = await model.gradient(x, goal);
    expect(await propose({ start })).toEqual(await propose());
  });

  it.each([1, 7, 30])("makes no more than %i queries for a sample where no more are granted", async (budget) => {
    const meter = metered(model, budget);
    for (const [k, candidates] of (await propose({ model: meter.model })).entries()) {
      const { adversarial } = await judge(model, x, candidates, goal, norm, epsilons[k]!);
      expect(adversarial.data.every((v) => v >= model.bounds.lower && v <= model.bounds.upper)).toBe(true);
    }
    for (const index of indices) {
      const { forwards, gradients } = meter.of(index);
      expect(forwards + gradients).toBeLessThanOrEqual(budget);
    }
  });

  it("leaves what it changed before when asked for fewer budgets of a sample", async () => {
    const wanted = Int32Array.from(indices, (_, i) => i % (epsilons.length + 1));
    const [all, some] = [await propose(), await propose({ wanted })];
    for (const [k, candidates] of some.entries())
      for (let i = 0; i < n; i++)
        if (k < wanted[i]!)
          expect(candidates.data.subarray(i * size, (i + 1) * size)).toEqual(
            all[k]!.data.subarray(i * size, (i + 1) * size),
          );
  });

  it("stops, or has ended, when its signal fires", async () => {
    let calls = 0;
    const controller = new AbortController();
    const count = () => {
      calls++;
      controller.abort();
      return model;
    };
    const counted: DifferentiableModel = {
      ...model,
      logits: (...given) => count().logits(...given),
      gradient: (...given) => count().gradient(...given),
    };
    await propose({ model: counted, signal: controller.signal }).catch((error) => {
      if (!(error instanceof PerturbError && error.code === "cancelled")) throw error;
    });
    expect(calls).toBeLessThanOrEqual(1);
  });
});

/**
 * The share of the best possible rise of a linear loss that an attack must reach: all of it with gradients, most of it without.
 */
const leastShare = ({ name, needs }: Attack<DifferentiableModel>, norm: Norm): number =>
  (LESS[name] as Partial<Record<string, number>> | undefined)?.[norm.name] ?? (needs === "logits" ? 0.75 : 1);

/** What the original's step sizes allow, where that is less. */
const LESS: Readonly<Record<string, object>> = {
  // Sparse steps of fixed length come as near as their length.
  "sparse-l1": { l1: 0.999 },
  // Of two channels here, one element is no pixel, and five, which may lie anywhere, are more than two pixels.
  "one-pixel": { l0: 0 },
};

/** Rotations have no closed form, and one perturbation for all samples is not the best for each: these have tests of their own. */
const apart = ({ attack, norm }: (typeof conformance)[number]): boolean =>
  norm === norms.spatial || attack.also === "examples";

describe.each(conformance.filter((one) => one.attack.aim === "within-epsilon" && !one.attack.baseline && !apart(one)))(
  "$title, on a linear model",
  ({ attack, norm, goal: { kind } }) => {
    // The loss rises with the margin ⟨w, x⟩ of two classes, whose best rise has a closed form; two more are out of reach.
    const w = numbers(size, 5);
    const bias = 0.3;
    const linear = open(
      linearGraph(
        shape,
        Float32Array.from({ length: 4 * size }, (_, i) => (i % 4 === 1 ? w[(i - 1) / 4]! : 0)),
        [0, bias, -30, -31],
      ),
    );
    afterAll(() => linear.release());
    const margins = Array.from({ length: n }, (_, i) =>
      x.data.subarray(i * size, (i + 1) * size).reduce((sum, v, j) => sum + v * w[j]!, bias),
    );
    const two = Int32Array.from(margins, (margin) => Number(margin > 0));
    const goal: Goal =
      kind === "targeted" ? { kind, labels: two, targets: two.map((c) => 1 - c) } : { kind, labels: two };

    it("reaches the optimum", async () => {
      const epsilons = EPSILONS[norm.name]!;
      const candidates = await proposeWith(
        { attack, options: optionsOf(attack) },
        {
          model: linear,
          x,
          goal,
          norm,
          epsilons,
          indices,
          seed: 0,
          surrogate: linear,
          examples: { x, labels: two, indices },
        },
      );
      for (const [k, epsilon] of epsilons.entries()) {
        const { logits } = await judge(linear, x, candidates[k]!, goal, norm, epsilon);
        for (let i = 0; i < n; i++) {
          const direction = w.map((v) => (two[i] === 0 ? v : -v));
          const pixels = x.data.subarray(i * size, (i + 1) * size);
          const clean = -Math.abs(margins[i]!);
          const margin = (logits.data[4 * i + 1]! - logits.data[4 * i]!) * (two[i] === 0 ? 1 : -1);
          const best = bestRise(norm.name, pixels, direction, epsilon, linear.bounds);
          // A fooled sample leaves an attack of many steps: it owes no more.
          const owed = clean + leastShare(attack, norm) * best;
          expect(margin).toBeGreaterThan((attack.name === "fgsm" ? owed : Math.min(owed, 0)) - 5e-6);
          expect(margin).toBeLessThan(clean + best + 5e-6);
        }
      }
    });
  },
);

/** How far above the least distance a least-change attack may end. */
const excess = ({ name, needs }: Attack<DifferentiableModel>): number =>
  MORE[name] ?? (needs === "logits" ? 1.25 : 1.05);

/** What the original's way allows, where that is more. */
const MORE: Readonly<Record<string, number>> = {
  // It changes two elements at a time, and raises them only.
  jsma: 2.05,
};

describe.each(conformance.filter(({ attack }) => attack.aim === "least-change"))(
  "$title, on a linear model",
  ({ attack, norm, goal: { kind } }) => {
    const w = numbers(size, 5);
    // Grey samples with these margins; no pixel meets a bound on the way.
    const margins = [0.2, -0.2, 0.3, -0.3, 0.4, -0.4];
    const squares = w.reduce((sum, v) => sum + v * v, 0);
    const grey = floats(
      [n, ...shape],
      margins.flatMap((margin) => [...w].map((v) => 0.5 + (margin * v) / squares)),
    );
    const bias = -0.5 * w.reduce((sum, v) => sum + v, 0);
    const linear = open(twoClassGraph(w, bias, shape));
    afterAll(() => linear.release());
    const two = Int32Array.from(margins, (margin) => Number(margin > 0));
    const goal: Goal =
      kind === "targeted" ? { kind, labels: two, targets: two.map((c) => 1 - c) } : { kind, labels: two };

    it("finds the nearest point of the other class", async () => {
      const epsilons = [norm.name === "l0" ? size : 10];
      const task = { model: linear, x: grey, goal, norm, epsilons, indices, seed: 0, surrogate: linear };
      const [candidates] = await proposeWith({ attack, options: optionsOf(attack) }, task);
      const { success, distances } = await judge(linear, grey, candidates!, goal, norm, epsilons[0]!);
      expect([...success]).toEqual(Array(n).fill(1));
      for (const [i, margin] of margins.entries()) {
        const pixels = grey.data.subarray(i * size, (i + 1) * size);
        const direction = w.map((v) => (two[i] === 0 ? v : -v));
        const crosses = (epsilon: number) =>
          bestRise(norm.name, pixels, direction, epsilon, linear.bounds) > Math.abs(margin);
        let [low, high] = [0, epsilons[0]!];
        for (let step = 0; step < 50; step++) {
          const middle = (low + high) / 2;
          if (crosses(middle)) high = middle;
          else low = middle;
        }
        expect(distances[i]).toBeGreaterThan(high * (1 - 1e-4) - 1e-6);
        expect(distances[i]).toBeLessThan(high * excess(attack));
      }
    });
  },
);

describe("the registry", () => {
  it("names each attack as it names itself, with a paper and a norm", () => {
    for (const [name, attack] of Object.entries(attacks)) {
      expect(attack.name).toBe(name);
      expect(attack.paper).toMatch(/^https:\/\//);
      expect(attack.norms.length).toBeGreaterThan(0);
    }
  });

  it("says what every option may be that is a word, its default among them", () => {
    for (const { name, defaults, choices = {} } of Object.values<AnyAttack<DifferentiableModel>>(attacks)) {
      const words = Object.entries(defaults).filter(([, value]) => typeof value === "string" && !isLength(value));
      expect(Object.keys(choices).sort(), name).toEqual(words.map(([option]) => option).sort());
      for (const [option, value] of words) {
        expect(choices[option], `${name}.${option}`).toContain(value);
        expect(new Set(choices[option]).size).toBe(choices[option]!.length);
      }
    }
    const losses = ["cross-entropy", "margin", "dlr"];
    expect(attacks.pgd.choices).toEqual({ loss: losses, optimizer: ["sgd", "adam"], l1Step: ["sparse", "dense"] });
  });

  it("is not left without them by the types", () => {
    const { choices: _, ...pgd } = attacks.pgd;
    // @ts-expect-error: an option of PGD is a union of words.
    expect(defineAttack<DifferentiableModel, PgdOptions>(pgd).choices).toBeUndefined();
  });
});
