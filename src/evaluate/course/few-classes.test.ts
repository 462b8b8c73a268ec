import { describe, expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { run } from "../../../test/support/evaluate.ts";
import { arrayDataset, floats, numbers, open, smallNetwork, using } from "../../../test/support/models.ts";
import type { AttackChoice } from "../../attack.ts";
import { attacks } from "../../attacks/index.ts";
import type { SampleRecord } from "../../evaluate.ts";
import type { DifferentiableModel, Loss } from "../../model.ts";
import { classifierFile } from "../../models/classifier/classifier.ts";
import { planOf } from "./plan.ts";

const { autoattack, "autoattack-plus": plus, "autoattack-rand": rand, pgd, "apgd-ce": apgdCe, square } = attacks;
const shape = [1, 3, 3];
const SEED = 5;
const epsilons = [0.02, 0.05, 0.1, 0.5];
const light = { "apgd-ce.steps": 10, "fab-t.steps": 5, "square.queries": 50 };

/** A curved model of so many classes, and samples that it gets right. */
async function subject(classes: number) {
  const file = classifierFile(smallNetwork(shape, classes, SEED), { name: "small", shape });
  const x = floats([24, ...shape], numbers(24 * 9, classes, 0, 1));
  const { data } = await using(open(smallNetwork(shape, classes, SEED)), (model) => model.logits(x));
  const labels = Array.from({ length: 24 }, (_, i) => {
    const row = [...data.subarray(i * classes, (i + 1) * classes)];
    return row.indexOf(Math.max(...row));
  });
  return { file, data: arrayDataset(x, labels, classes) };
}

/** The indices that are robust at each ε, and the result. */
async function robust({ file, data }: Awaited<ReturnType<typeof subject>>, chosen: AttackChoice<DifferentiableModel>) {
  const records: SampleRecord[] = [];
  const { evaluation } = await run(file, data, {
    attacks: [chosen],
    epsilons,
    onRecords: (more) => void records.push(...more),
  });
  const at = epsilons.map((epsilon) =>
    records.filter((r) => r.outcome === "not-fooled" || r.epsilon! > epsilon).map(({ index }) => index),
  );
  return { evaluation, at };
}

describe("AutoAttack on few classes", () => {
  it.each([
    [2, autoattack.with(light), ["apgd-ce", "fab-t", "square"], ["apgd-t"]],
    [3, autoattack.with(light), ["apgd-ce", "fab-t", "square"], ["apgd-t"]],
    [2, plus.with({ ...light, "fab.steps": 5 }), ["apgd-ce", "fab", "square", "fab-t"], ["apgd-dlr", "apgd-t"]],
    [
      3,
      plus.with({ ...light, "fab.steps": 5, "apgd-dlr.steps": 5 }),
      ["apgd-ce", "apgd-dlr", "fab", "square", "fab-t"],
      ["apgd-t"],
    ],
    [2, rand.with({ "apgd-ce.steps": 5 }), ["apgd-ce"], ["apgd-dlr"]],
    [3, rand.with({ "apgd-ce.steps": 5, "apgd-dlr.steps": 5 }), ["apgd-ce", "apgd-dlr"], []],
    [4, autoattack.with({ ...light, "apgd-t.steps": 5 }), ["apgd-ce", "apgd-t", "fab-t", "square"], []],
  ] as const)("%i classes: what the members that can be leave (%#)", async (classes, chosen, ran, missing) => {
    const work = await subject(classes);
    const { evaluation, at } = await robust(work, chosen);
    expect(evaluation.attacks.map(({ attack }) => attack)).toEqual(ran);
    const said = evaluation.warnings.filter(({ code }) => code === "member-left-out").map(({ message }) => message);
    expect(said).toHaveLength(missing.length);
    for (const [i, name] of missing.entries())
      expect(said[i]).toMatch(new RegExp(`^${chosen.attack.name} ran without ${name}, .* has ${classes} classes`));

    const { attacks: entries } = planOf({ attacks: [chosen], epsilons }, { name: "m", classes });
    const alone: number[][][] = [];
    for (const { series: _, ...entry } of entries) alone.push((await robust(work, entry)).at);
    const all = [...Array(24).keys()];
    expect(at).toEqual(epsilons.map((_, k) => all.filter((i) => alone.every((own) => own[k]!.includes(i)))));
    expect(at[0]!.length).toBeGreaterThan(at.at(-1)!.length);
  });

  it("has the options that are given to its members, in every norm", () => {
    for (const norm of ["linf", "l1"] as const) {
      const chosen = autoattack.with({ "square.queries": 7, "apgd-ce.rho": 0.5 });
      const { attacks: entries } = planOf({ attacks: [chosen], epsilons, norm }, { name: "m", classes: 10 });
      expect(entries.map(({ attack, options }) => [attack.name, options])).toEqual([
        ["apgd-ce", { ...apgdCe.defaults, restarts: norm === "l1" ? 5 : 1, rho: 0.5 }],
        expect.anything(),
        expect.anything(),
        ["square", { ...square.defaults, rescale: false, queries: 7 }],
      ]);
    }
  });
});

describe("an attack, or a loss, that compares more logits than there are", () => {
  it.each([
    [
      2,
      pgd.with({ loss: "dlr" }),
      "pgd with the loss dlr compares the 3 largest logits, and net has 2 classes. Take the loss margin",
    ],
    [2, attacks["apgd-dlr"], "apgd-dlr compares the 3 largest logits, and net has 2 classes. Take apgd-ce."],
    [3, attacks["apgd-t"], "apgd-t compares the 4 largest logits, and net has 3 classes. Take apgd-ce."],
    [1, attacks["apgd-t"], "and net has 1 class. "],
  ] as const)("with %i classes is refused by the plan", async (classes, chosen, says) => {
    const plan = () =>
      planOf({ attacks: [chosen as AttackChoice<DifferentiableModel>], epsilons }, { name: "net", classes });
    expect((await failure("usage", plan)).message).toContain(says);
  });

  it.each([
    [2, "dlr", "Take the loss margin or cross-entropy."],
    [3, "targeted-dlr", "Take the loss targeted-margin."],
  ] as const)("with %i classes has no gradient of %s", async (classes, loss, says) => {
    const model = open(smallNetwork(shape, classes));
    const x = floats([1, ...shape], numbers(9, 1, 0, 1));
    const goal = { kind: "targeted", labels: Int32Array.of(0), targets: Int32Array.of(1) } as const;
    const { message } = await failure("usage", () => model.gradient(x, goal, loss as Loss));
    expect(message).toContain(`The loss ${loss} compares the`);
    expect(message).toContain(says);
    await model.release();
  });
});
