import { describe, expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { attacks } from "../../attacks/index.ts";
import { configuredAttacks } from "./attack-options.ts";

describe("--set", () => {
  it("changes options of the attacks that have them, and leaves the rest at their defaults", () => {
    const settings = ["steps=100", "pgd.randomStart=false", "pgd.loss=margin"];
    expect(configuredAttacks(["pgd", "bim", "fgsm"], settings)).toEqual([
      attacks.pgd.with({ steps: 100, randomStart: false, loss: "margin" }),
      attacks.bim.with({ steps: 100 }),
      attacks.fgsm.with({}),
    ]);
    expect(attacks.pgd.defaults.steps).toBe(40);
  });

  it("changes options of an ensemble's members, and says of no others what they are", () => {
    const [chosen] = configuredAttacks(
      ["autoattack"],
      ["autoattack.square.queries=1000", "autoattack.apgd-ce.steps=7"],
    );
    expect(chosen).toEqual(attacks.autoattack.with({ "square.queries": 1000, "apgd-ce.steps": 7 }));
    expect(chosen!.options).toEqual({ "square.queries": 1000, "apgd-ce.steps": 7 });
  });

  it.each([
    ["0.01", 0.01],
    ["2/255", 2 / 255],
    ["1e-3", 1e-3],
    ["0.25eps", "0.25eps"],
    [" 1/4 eps", "0.25eps"],
    ["1e-7EPS", "1e-7eps"],
  ] as const)("stepSize=%s is the length %s", (text, length) =>
    expect(configuredAttacks(["pgd"], [`stepSize=${text}`])[0]!.options).toMatchObject({ stepSize: length }),
  );

  it.each([
    ["stepSize=many", "is a length: a number in units of the input, or"],
    ["stepSize=2/0", "is a length"],
    ["stepSize=eps", "is a length"],
    ["steps=2eps", "pgd.steps is no length, and cannot be a part of ε. Give a number"],
    ["ddn.stepSize=0.5eps", "ddn looks for the least change, and has no ε"],
    ["steps", "takes NAME=VALUE"],
    ["pgd.step=3", "Did you mean pgd.steps?"],
    ["bim.steps=3", "No attack of --attack has an option"],
    ["steps=many", "is a number (by default 40)"],
    ["randomStart=1", "is a boolean"],
    ["__proto__=1", "No attack"],
    ["loss=entropy", 'pgd.loss is one of cross-entropy, margin, dlr; got "entropy".'],
    ["square.queries=9", "Say of which: autoattack.square.queries."],
    ["queries=9", "Say of which: autoattack.square.queries."],
    ["autoattack.square.querys=9", "Did you mean autoattack.square.queries?"],
    ["autoattack.apgd-ce.steps=many", "is a number (by default 100)"],
    ["optimizer=adm", "Did you mean adam?"],
  ])("%s is refused", async (setting, says) => {
    expect(
      (await failure("usage", () => configuredAttacks(["pgd", "ddn", "autoattack"], [setting]))).message,
    ).toContain(says);
  });
});
