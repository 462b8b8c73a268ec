import { describe, expect, it } from "vitest";
import { type AnyAttack, type AttackChoice, configured } from "../../attack.ts";
import { type AttackName, attacks as registry } from "../../attacks/index.ts";
import { configuredAttacks } from "../../cli/options/attack-options.ts";
import type { DifferentiableModel } from "../../model.ts";
import { type NormName, norms } from "../../norm.ts";
import { planOf } from "../course/plan.ts";
import {
  type Advised,
  addWords,
  blindAttacks,
  ensemble,
  otherLoss,
  type Suggestion,
  strengths,
  strongerWords,
  withoutGradients,
} from "./advice.ts";

type Known = AnyAttack<DifferentiableModel>;
const REGISTRY: Readonly<Record<string, Known>> = registry;
const surrogate = { name: "s" } as DifferentiableModel;
const shapes = [[4], [1, 3, 3], [3, 2, 2, 2]];
const sets: readonly (readonly string[])[] = [
  ...Object.keys(REGISTRY).map((name) => [name]),
  ["pgd", "square"],
  ["fgsm", "pgd", "apgd-dlr"],
  ["autoattack", "square"],
  ["autoattack-plus", "nes", "spsa"],
  ["apgd-ce", "apgd-dlr", "apgd-t", "fab-t", "square"],
  ["square", "nes", "spsa", "hopskipjump"],
];

/** Every plan that can be, with every model that it can be of. */
function* all(): Generator<Advised & { readonly names: readonly string[]; readonly classes: number }> {
  for (const names of sets)
    for (const norm of Object.keys(norms) as NormName[])
      for (const classes of [1, 2, 3, 4, 10]) {
        const chosen = names.map((name) => REGISTRY[name]!);
        if (chosen.some((attack) => !attack.norms.includes(norm) || (attack.leastClasses ?? 1) > classes)) continue;
        const plan = planOf({ attacks: chosen, epsilons: [0.1], norm, surrogate }, { name: "m", classes });
        const needs = plan.attacks.some(({ attack }) => attack.needs === "gradient");
        for (const inputShape of shapes)
          for (const differentiable of needs ? [true] : [true, false])
            yield { plan, classes, inputShape, differentiable, names };
      }
}

/** Takes the advice: with the attack, or with its options, as another plan. @throws where that cannot be */
function follow(
  { plan, classes, names }: ReturnType<typeof all> extends Generator<infer A> ? A : never,
  { attack, options }: Suggestion,
) {
  const chosen: AttackChoice<DifferentiableModel>[] = names
    .filter((name) => name !== attack)
    .map((name) => REGISTRY[name]!);
  return planOf(
    { attacks: [...chosen, configured(REGISTRY[attack]!, options)], epsilons: [0.1], norm: plan.norm, surrogate },
    { name: "m", classes },
  );
}

describe("advice", () => {
  it("can be followed, and adds something, whatever ran on whatever model", () => {
    let given = 0;
    for (const advised of all()) {
      const found = [
        withoutGradients(advised),
        otherLoss(advised),
        ensemble(advised, "autoattack"),
        ensemble(advised, "autoattack-rand"),
      ].filter((suggestion) => suggestion !== null);
      for (const suggestion of found) {
        given++;
        const attack = REGISTRY[suggestion.attack]!;
        if (attack.needs === "gradient") expect(advised.differentiable).toBe(true);
        if (["square", "one-pixel"].includes(attack.name)) expect(advised.inputShape.length).toBeLessThan(4);
        const key = (plan: Advised["plan"]) =>
          plan.attacks.map((entry) => `${entry.attack.name} ${JSON.stringify(entry.options)}`);
        const before = new Set(key(advised.plan));
        expect(key(follow(advised, suggestion)).some((entry) => !before.has(entry))).toBe(true);
      }
      // Sentences name these alone.
      const said = `${addWords(advised)}${strongerWords(advised, advised.plan.attacks, true)}`;
      for (const name of Object.keys(REGISTRY))
        if (new RegExp(`(such as|loss \\(|the attack|\\() ?${name}[ ).]`).test(said))
          expect(found.map(({ attack }) => attack)).toContain(name);
    }
    expect(given).toBeGreaterThan(500);
  });

  it("names options that the attacks have, as they are set", () => {
    for (const advised of all())
      for (const entry of advised.plan.attacks)
        for (const name of strengths(advised, entry))
          expect(configuredAttacks(advised.names as AttackName[], [`${name}=7`])).toHaveLength(advised.names.length);
  });

  it.each([
    [["square"], 10, "Raise square.queries (`options`)."],
    [["fgsm"], 10, " Try another loss (apgd-dlr) or take the attack autoattack."],
    [
      ["pgd"],
      2,
      "Raise pgd.steps or pgd.restarts (`options`), try another loss (pgd with pgd.loss=margin) or take the attack autoattack.",
    ],
  ] as const)("of %s on %i classes", (names, classes, says) => {
    const plan = planOf({ attacks: names.map((name) => REGISTRY[name]!), epsilons: [0.1] }, { name: "m", classes });
    const advised = { plan, classes, inputShape: [4], differentiable: names[0] !== "square" };
    expect(strongerWords(advised, plan.attacks, true)).toContain(says);
  });

  it("names square where it can be, once", () => {
    const advisedBy = (names: readonly string[], inputShape: readonly number[]) => ({
      plan: planOf({ attacks: names.map((name) => REGISTRY[name]!), epsilons: [0.1] }, { name: "m", classes: 10 }),
      classes: 10,
      inputShape,
      differentiable: true,
    });
    expect(addWords(advisedBy(["pgd"], [1, 2, 2]))).toContain(
      "such as square (`attacks`), or one with another loss (apgd-dlr)",
    );
    expect(addWords(advisedBy(["pgd", "square"], [1, 2, 2]))).toContain("such as nes (");
    expect(addWords(advisedBy(["pgd"], [1, 2, 2, 2]))).toContain("such as nes (");
    expect(blindAttacks("linf", [1, 2, 2, 2])).not.toContain("square");
    expect(blindAttacks("linf", [1, 2, 2])).toEqual(expect.arrayContaining(["square", "nes", "hopskipjump"]));
  });
});
