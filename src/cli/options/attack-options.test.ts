import { describe, expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { attacks } from "../../attacks/index.ts";
import { attackOptions } from "./attack-options.ts";

describe("--set", () => {
  it("changes options of the attacks that have them, and leaves the rest at their defaults", () => {
    const options = attackOptions(["pgd", "bim", "fgsm"], ["steps=100", "pgd.randomStart=false", "pgd.loss=margin"]);
    expect(options.get("pgd")).toEqual({ ...attacks.pgd.defaults, steps: 100, randomStart: false, loss: "margin" });
    expect(options.get("bim")).toEqual({ ...attacks.bim.defaults, steps: 100 });
    expect(options.get("fgsm")).toEqual({});
    expect(attacks.pgd.defaults.steps).toBe(40);
  });

  it.each([
    ["steps", "takes NAME=VALUE"],
    ["pgd.step=3", "Did you mean pgd.steps?"],
    ["bim.steps=3", "No attack of --attack has an option"],
    ["steps=many", "is a number (by default 40)"],
    ["randomStart=1", "is a boolean"],
    ["__proto__=1", "No attack"],
    ["loss=entropy", 'pgd.loss is one of cross-entropy, margin, dlr; got "entropy".'],
    ["optimizer=adm", "Did you mean adam?"],
  ])("%s is refused", async (setting, says) => {
    expect((await failure("usage", () => attackOptions(["pgd"], [setting]))).message).toContain(says);
  });
});
