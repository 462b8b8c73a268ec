import { describe, expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { attacks } from "../../attacks/index.ts";
import { type PlanOptions, planOf } from "./plan.ts";

const { fgsm, pgd, square } = attacks;
const model = { name: "net", classes: 10 };
const plan = (given: unknown, more: object = {}) =>
  planOf({ attacks: given, epsilons: [0.1], ...more } as unknown as PlanOptions, model);

describe("the attacks of a plan", () => {
  it("are attacks as they are, and with options, mixed", () => {
    const { attacks: entries, series } = planOf(
      { attacks: [fgsm, pgd.with({ steps: 7, stepSize: 1 / 255 }), square], epsilons: [0.1] },
      model,
    );
    expect(series).toEqual(["fgsm", "pgd", "square"]);
    expect(entries.map(({ attack, options }) => [attack.name, options])).toEqual([
      ["fgsm", {}],
      ["pgd", { ...pgd.defaults, steps: 7, stepSize: 1 / 255 }],
      ["square", square.defaults],
    ]);
  });

  it.each([
    [["pgd"], 'got "pgd". Give the attack itself: attacks["pgd"] from "perturb/attacks".'],
    [["pgdt"], 'got "pgdt". Did you mean pgd?'],
    [["qqqqqq"], 'got "qqqqqq". Known: fgsm, r-fgsm,'],
    [[undefined], "got undefined. An attack that"],
    [[null], "got null."],
    [[3], "got number."],
    [[{ name: "squre" }], 'got "squre". Did you mean square?'],
    [[{ attack: "pgd", options: {} }], 'Give the attack itself: attacks["pgd"]'],
    [[{ attack: pgd }], "attacks takes attacks, such as pgd"],
    [[{ attack: pgd, options: { stpes: 1 } }], "Did you mean steps?"],
    [[pgd, pgd.with({ steps: 3 })], "pgd is named twice. Name each attack once."],
    [[fgsm, fgsm], "fgsm is named twice."],
    [[], "No attack was chosen."],
    [undefined, "No attack was chosen."],
    [pgd, "No attack was chosen."],
  ])("are not %j", async (given, says) => {
    expect((await failure("usage", () => plan(given))).message).toContain(says);
  });

  it("have no map of options beside them, which would go unheard", async () => {
    const options = new Map([["pgd", { steps: 1 }]]);
    expect((await failure("usage", () => plan([pgd], { options }))).message).toContain("pgd.with({ steps: 100 })");
    // @ts-expect-error: nor do they compile.
    await failure("usage", () => planOf({ attacks: [pgd], options, epsilons: [0.1] }, model));
    // @ts-expect-error: a name is no attack.
    await failure("usage", () => planOf({ attacks: ["pgd"], epsilons: [0.1] }, model));
  });
});
