import { describe, expect, it } from "vitest";
import { failure } from "../test/support/datasets.ts";
import { floats, numbers, open, smallNetwork } from "../test/support/models.ts";
import { type AnyAttack, type AttackTask, configured, defineAttack } from "./attack.ts";
import { optionIn, optionsOf } from "./attack-options.ts";
import { attacks } from "./attacks/index.ts";
import type { PgdOptions } from "./exports/attacks.ts";
import * as exported from "./exports/attacks.ts";
import type { DifferentiableModel, Goal } from "./model.ts";
import { norms } from "./norm.ts";
import type { FloatTensor } from "./tensor.ts";

const { pgd, fgsm, ddn, autoattack } = attacks;
const all = Object.values<AnyAttack<DifferentiableModel>>(attacks);

describe("an attack with options", () => {
  it("has all of them, those given over its defaults", () => {
    expect(pgd.with({ steps: 3, stepSize: 2 / 255 })).toEqual({
      attack: pgd,
      options: { ...pgd.defaults, steps: 3, stepSize: 2 / 255 },
    });
    expect(fgsm.with({})).toEqual({ attack: fgsm, options: {} });
    expect(pgd.defaults.steps).toBe(40);
  });

  // Each compiles only because the line is wrong: tsc refuses a directive that nothing needs.
  it.each<[string, () => unknown, string]>([
    // @ts-expect-error: PGD has no such option.
    ["a mistyped name", () => pgd.with({ stpes: 1 }), 'pgd has no option "stpes". It has steps, stepSize,'],
    // @ts-expect-error
    ["what may be meant", () => pgd.with({ stpes: 1 }), "Did you mean steps?"],
    // @ts-expect-error: nor this one.
    ["Python's name", () => pgd.with({ step_size: 0.001 }), "Did you mean stepSize?"],
    // @ts-expect-error: a number is no text.
    ["a text for a number", () => pgd.with({ steps: "3" }), 'pgd.steps is a number (by default 40); got "3"'],
    ["NaN", () => pgd.with({ steps: Number.NaN }), "pgd.steps is a number (by default 40); got NaN"],
    ["infinity", () => pgd.with({ restarts: Number.POSITIVE_INFINITY }), "pgd.restarts is a number"],
    // @ts-expect-error: exactOptionalPropertyTypes.
    ["undefined", () => pgd.with({ steps: undefined }), "pgd.steps is a number (by default 40); got undefined"],
    [
      "a number for a boolean",
      // @ts-expect-error: a boolean is no number.
      () => pgd.with({ randomStart: 1 }),
      "pgd.randomStart is a boolean (by default true); got 1",
    ],
    // @ts-expect-error: no such loss.
    ["a word that is no choice", () => pgd.with({ loss: "entropy" }), "is one of cross-entropy, margin, dlr; got"],
    // @ts-expect-error: nor this one.
    ["the word that is meant", () => pgd.with({ optimizer: "adm" }), "Did you mean adam?"],
    [
      "a fraction as text",
      // @ts-expect-error: "2/255" is for the command line.
      () => pgd.with({ stepSize: "2/255" }),
      "pgd.stepSize is a length: a number in units of the input",
    ],
    ["a length that is none", () => pgd.with({ stepSize: Number.NaN }), "pgd.stepSize is a length"],
    // @ts-expect-error: a number of steps is no length.
    ["ε for what is no length", () => pgd.with({ steps: "2eps" }), "pgd.steps is no length"],
    // @ts-expect-error: no ε here.
    ["ε where there is none", () => ddn.with({ stepSize: "0.5eps" }), "ddn looks for the least change, and has no ε"],
    // @ts-expect-error: FGSM has no options.
    ["any where there are none", () => fgsm.with({ steps: 3 }), 'fgsm has no option "steps". It has no options.'],
    // @ts-expect-error: nor has an ensemble.
    ["any of an ensemble", () => autoattack.with({ steps: 3 }), 'autoattack has no option "steps"'],
    // @ts-expect-error: an object is wanted.
    ["a number", () => pgd.with(3), "The options of pgd are an object, such as { steps: 10 }; got 3."],
    // @ts-expect-error: an object is wanted.
    ["null", () => pgd.with(null), "got null"],
    // @ts-expect-error: an object is wanted.
    ["a list", () => pgd.with([3]), "got a list"],
    ["what JSON may bring", () => configured(pgd, JSON.parse('{"__proto__":3}')), 'pgd has no option "__proto__"'],
  ])("refuses %s", async (_, work, says) => {
    expect((await failure("usage", work)).message).toContain(says);
  });

  it("checks what propose is given, too", async () => {
    const task = {} as AttackTask<DifferentiableModel>;
    // @ts-expect-error: no such option.
    await expect(pgd.propose(task, { stpes: 1 })).rejects.toMatchObject({ code: "usage", data: { option: "stpes" } });
    // @ts-expect-error: no options at all.
    await expect(fgsm.propose(task, { steps: 1 })).rejects.toMatchObject({ code: "usage" });
  });
});

describe("every attack", () => {
  it.each(all)("$name describes each option, takes its own values, and no others", async (attack) => {
    const options = optionsOf(attack);
    expect(Object.keys(attack.about)).toEqual(expect.arrayContaining(Object.keys(attack.defaults)));
    expect(Object.keys(attack.about)).toHaveLength(options.length);
    for (const { name, value, about, choices } of options) {
      expect(about.length).toBeGreaterThan(5);
      const facts = options.find((option) => option.name === name)!;
      expect(optionIn(String(value), facts)).toBe(value);
      // An ensemble keeps what is given: its members have the rest.
      expect({ ...attack.defaults, ...configured(attack, { [name]: value }).options }).toEqual(attack.defaults);
      for (const choice of choices ?? []) configured(attack, { [name]: choice });
      for (const wrong of [
        undefined,
        null,
        Number.NaN,
        "no such word",
        {},
        [value],
        typeof value === "boolean" ? 1 : true,
      ])
        await failure("usage", () => configured(attack, { [name]: wrong }));
    }
    await failure("usage", () => configured(attack, { noSuchOption: 1 }));
  });

  it("can be imported by name", () => {
    const values = new Set<unknown>(Object.values(exported));
    expect(all.filter((attack) => !values.has(attack)).map(({ name }) => name)).toEqual([]);
  });
});

describe("lengths", () => {
  const model = open(smallNetwork([1, 4, 4], 3));
  const x = floats([4, 1, 4, 4], numbers(64, 2, 0, 1));
  const goal: Goal = { kind: "untargeted", labels: Int32Array.of(0, 1, 2, 0) };
  /** Every point that PGD asks about: a better one may hide where it went. */
  async function asked(options: Partial<PgdOptions>, epsilon = 8 / 255): Promise<readonly Float32Array[]> {
    const points: Float32Array[] = [];
    const kept = (given: FloatTensor) => points.push(given.data.slice());
    const heard: DifferentiableModel = {
      ...model,
      logits: (given, ...rest) => kept(given) && model.logits(given, ...rest),
      gradient: (given, ...rest) => kept(given) && model.gradient(given, ...rest),
    } as DifferentiableModel;
    const indices = Int32Array.of(0, 1, 2, 3);
    const task = { model: heard, x, goal, norm: norms.linf, epsilons: [epsilon], indices, seed: 1 };
    const candidates = await pgd.propose(task, { stopAtSuccess: false, steps: 5, ...options });
    return [...points, ...candidates.map(({ data }) => data)];
  }

  it("are the same absolute and relative to ε, to the bit", async () => {
    expect(await asked({ stepSize: 2 / 255 })).toEqual(await asked({ stepSize: "0.25eps" }));
    expect(await asked({ stepSize: 2 / 255 })).not.toEqual(await asked({ stepSize: "0.2eps" }));
    // At another ε the same absolute step is another part of it.
    expect(await asked({ stepSize: 2 / 255 }, 4 / 255)).toEqual(await asked({ stepSize: "0.5eps" }, 4 / 255));
    expect(pgd.defaults.stepSize).toBe("0.0625eps");
  });

  it("may be longer than ε, and not 0", async () => {
    const points = await asked({ stepSize: 1 });
    expect(
      points.flatMap((point) => [...point]).every((v, i) => Math.abs(v - x.data[i % x.data.length]!) <= 8 / 255 + 1e-7),
    ).toBe(true);
    for (const stepSize of [0, -1, "0eps"] as const)
      await expect(asked({ stepSize })).rejects.toThrow(`stepSize must be above 0, got ${stepSize}.`);
  });

  it("are declared where an option's type is one", () => {
    const { about: _, ...rest } = pgd;
    // @ts-expect-error: every option is to be described.
    expect(() => defineAttack<DifferentiableModel, PgdOptions>(rest)).not.toThrow();
    const about = { ...pgd.about, stepSize: "a step" };
    // @ts-expect-error: a length says that it is one.
    expect(() => defineAttack<DifferentiableModel, PgdOptions>({ ...pgd, about })).not.toThrow();
  });
});
