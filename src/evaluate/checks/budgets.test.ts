import { describe, expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import type { NormName } from "../../norm.ts";
import { checkBudgets } from "./budgets.ts";

const check = (norm: NormName, epsilons: readonly number[], levels: number | null = null, upper = 1) =>
  checkBudgets({ norm, epsilons, levels }, { inputShape: [3, 8, 8], bounds: { lower: 0, upper } });

describe("a budget", () => {
  it.each<[NormName, number[], number | null]>([
    ["l0", [0, 1, 2], null],
    ["linf", [0, 1e-6], null],
    ["linf", [1 / 255], 256],
    ["l2", [0.5], 256],
    ["spatial", [0.001], 256],
  ])("in %s of %o with levels %o is one", (norm, epsilons, levels) => {
    check(norm, epsilons, levels);
  });

  it("that lets nothing change is refused", async () => {
    const error = await failure("usage", () => check("l0", [0, 0.5, 3]));
    expect(error.message).toContain("In l0, ε counts the pixels that change, and ε = 0.5 is less than one");
    for (const norm of ["linf", "l2", "l1"] as const)
      expect((await failure("usage", () => check(norm, [0.0039, 0.1], 256))).message).toContain("(1/255)");
    await failure("usage", () => check("linf", [0.5], 256, 255));
  });
});
