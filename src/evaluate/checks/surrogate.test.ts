import { describe, expect, it } from "vitest";
import { accuracyOf } from "../results/statistics.ts";
import { surrogateWarnings } from "./surrogate.ts";

const codes = (surrogate: number, model: number, total = 100, classes = 10) =>
  surrogateWarnings("other", accuracyOf(surrogate, total), accuracyOf(model, total), classes).map(({ code }) => code);

describe("a surrogate", () => {
  it("that is much less accurate than the model, or no better than a guess, is warned about with its number", () => {
    const [warning] = surrogateWarnings("other", accuracyOf(71, 100), accuracyOf(96, 100), 10);
    expect(warning).toMatchObject({ code: "surrogate-accuracy" });
    expect(warning?.message).toContain("other is right on 71.00 % of the samples, and the model on 96.00 %");
    expect(codes(12, 20)).toEqual(["surrogate-accuracy"]);
  });

  it("that is about as good, or better, is not", () => {
    for (const [surrogate, model] of [
      [96, 96],
      [90, 96],
      [99, 60],
      [100, 100],
    ] as const)
      expect(codes(surrogate, model)).toEqual([]);
    expect(codes(3, 5, 5, 2)).toEqual(["surrogate-accuracy"]);
    expect(codes(5, 5, 5, 2)).toEqual([]);
  });
});
