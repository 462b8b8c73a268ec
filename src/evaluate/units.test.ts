import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { arrayDataset, floats, numbers, open, twoClassGraph, using } from "../../test/support/models.ts";
import { fgsm } from "../attacks/gradient/fgsm.ts";
import { pgd } from "../attacks/gradient/pgd.ts";
import { square } from "../attacks/scores/square.ts";
import type { BoundsGiven, EpsilonUnit } from "../models/classifier/bounds.ts";
import { adversarialExamples } from "./adversarial.ts";
import { evaluate } from "./evaluation.ts";
import { inDataUnits } from "./units.ts";

const N = 60;
const W = Float32Array.of(1, -0.5, 0.02, 3);
const LOWER = [-3, 0, -100, 0.5];
const UPPER = [3, 2, 100, 0.5 + 2 ** -3];
const unit = numbers(4 * N, 41, 0, 1);
const X = Float32Array.from(unit, (u, i) => LOWER[i % 4]! + u * (UPPER[i % 4]! - LOWER[i % 4]!));
const BIAS = -1;
const margins = Array.from({ length: N }, (_, n) => W.reduce((sum, w, i) => sum + w * X[4 * n + i]!, BIAS));
const labels = margins.map((m) => Number(m > 0));
const data = arrayDataset(floats([N, 4], X), labels);
const graph = twoClassGraph(W, BIAS);

/** How many samples no input within ε and the bounds can flip: of a linear model, exactly. */
const robust = (epsilon: number, reach: EpsilonUnit, lower = LOWER, upper = UPPER) =>
  margins.filter((m, n) => {
    const most = W.reduce((sum, w, i) => {
      const down = m > 0 ? w > 0 : w < 0;
      const room = down ? X[4 * n + i]! - lower[i]! : upper[i]! - X[4 * n + i]!;
      return sum + Math.abs(w) * Math.min(room, reach === "range" ? epsilon * (upper[i]! - lower[i]!) : epsilon);
    }, 0);
    return Math.abs(m) > most;
  }).length;

const correct = async (options: { bounds: BoundsGiven; epsilonUnit?: EpsilonUnit }, epsilons: readonly number[]) =>
  using(open(graph, options), async (model) => {
    const { evaluation } = await evaluate(model, data, {
      attacks: [fgsm, pgd, square.with({ queries: 20 })],
      epsilons,
    });
    return evaluation;
  });

describe("bounds", () => {
  const epsilons = [0.02, 0.1, 0.3];

  it.each<EpsilonUnit>(["input", "range"])("of each feature, with ε in units of %s", async (epsilonUnit) => {
    const found = await correct({ bounds: { lower: LOWER, upper: UPPER }, epsilonUnit }, epsilons);
    expect(found.clean.correct).toBe(N);
    expect(found.worst.map((point) => point.correct)).toEqual(epsilons.map((e) => robust(e, epsilonUnit)));
    expect(found.warnings.find(({ code }) => code === "epsilon-unit")?.message).toMatch(
      epsilonUnit === "range" ? "shares of the range" : "units of the input",
    );
  });

  it.each<EpsilonUnit>(["input", "range"])("of all features, with ε in units of %s", async (epsilonUnit) => {
    const [lower, upper] = [LOWER.map(() => -100), UPPER.map(() => 100)];
    const budgets = epsilons.map((e) => e / 4);
    const found = await correct({ bounds: { lower: -100, upper: 100 }, epsilonUnit }, budgets);
    expect(found.worst.map((point) => point.correct)).toEqual(budgets.map((e) => robust(e, epsilonUnit, lower, upper)));
  });

  it("are kept by every example, and an element without room stays", async () => {
    const still = { lower: [...LOWER.slice(0, 3), 0], upper: [...UPPER.slice(0, 3), 0] };
    const x = X.map((v, i) => (i % 4 === 3 ? 0 : v));
    const plain = arrayDataset(floats([N, 4], x), labels);
    for (const epsilonUnit of ["input", "range"] as const)
      await using(open(graph, { bounds: still, epsilonUnit }), async (model) => {
        for (const attack of [pgd, square.with({ queries: 20 })]) {
          const made = await adversarialExamples(model, plain, { attacks: [attack], epsilons: [0.4] });
          for await (const [batch] of made) {
            const out = inDataUnits(batch!.adversarial.data, model);
            for (const [i, v] of out.entries()) {
              const width = still.upper[i % 4]! - still.lower[i % 4]!;
              const reach = epsilonUnit === "range" ? 0.4 * width : 0.4;
              expect(v).toBeGreaterThanOrEqual(still.lower[i % 4]! - 1e-5 * width);
              expect(v).toBeLessThanOrEqual(still.upper[i % 4]! + 1e-5 * width);
              expect(Math.abs(v - x[i]!)).toBeLessThanOrEqual(reach + 1e-5 * width);
            }
          }
        }
      });
  });

  it("move values beyond them by rounding, and count them; others are refused", async () => {
    const near = floats([2, 4], [-3e-8, 0.5, 1.0000001, 1, 0, 0, 0, 0]);
    await using(open(twoClassGraph(Float32Array.of(1, 1, 1, 1), -1)), async (model) => {
      const run = (x: typeof near) => evaluate(model, arrayDataset(x, [1, 0]), { attacks: [fgsm], epsilons: [0.1] });
      const { warnings } = (await run(near)).evaluation;
      expect(warnings.find(({ code }) => code === "rounded-into-bounds")?.message).toMatch("2 values of 1 samples");
      await failure("out-of-bounds", () => run({ ...near, data: near.data.map((v) => v - 1e-4) }));
    });
    await using(open(graph, { bounds: { lower: LOWER, upper: UPPER } }), async (model) => {
      const wide = X.slice();
      wide[5] = 2.5;
      const far = arrayDataset(floats([N, 4], wide), labels);
      const error = await failure("out-of-bounds", () => evaluate(model, far, { attacks: [fgsm], epsilons: [0.1] }));
      expect(error.message).toContain("Sample 1 holds the value 2.5 in element 1");
    });
  });

  it("spread 8-bit pixels, and say so", async () => {
    const pixels = { ...arrayDataset(floats([2, 2], [0, 1, 0.5, 0.25]), [0, 0]), pixels: "picture" as const };
    await using(open(twoClassGraph(Float32Array.of(1, 0), 0.5), { bounds: { lower: -1, upper: 1 } }), async (model) => {
      const { evaluation } = await evaluate(model, pixels, { attacks: [fgsm], epsilons: [0.1] });
      // Of the margin x + 0.5: -0.5 and 0.5.
      expect(evaluation.clean.correct).toBe(1);
      expect(evaluation.warnings.map(({ code }) => code)).toContain("pixels-in-bounds");
    });
  });

  it("do not guess what bytes of an array mean", async () => {
    const bytes = { ...arrayDataset(floats([1, 2], [0, 1]), [0]), pixels: "array" as const };
    const run = (bounds: BoundsGiven) =>
      using(open(twoClassGraph(Float32Array.of(1, 0), 0.5), { bounds }), (model) =>
        evaluate(model, bytes, { attacks: [fgsm], epsilons: [0.1] }),
      );
    expect((await failure("usage", () => run({ lower: 0, upper: 100 }))).message).toContain("uint8");
    for (const bounds of [
      { lower: 0, upper: 255 },
      { lower: -1, upper: 1 },
    ])
      expect((await run(bounds)).evaluation.clean.total).toBe(1);
  });

  it.each<[string, BoundsGiven]>([
    ["crossed", { lower: 1, upper: 0 }],
    ["not finite", { lower: Number.NEGATIVE_INFINITY, upper: 0 }],
    ["too few", { lower: [0, 0], upper: 1 }],
    ["crossed in one element", { lower: [0, 0, 2, 0], upper: 1 }],
    ["without any room", { lower: 1, upper: [1, 1, 1, 1] }],
  ])("that are %s are refused", async (_, bounds) => {
    await failure("usage", () => open(graph, { bounds }));
  });

  it("of single elements know no common grid", async () => {
    await using(open(graph, { bounds: { lower: LOWER, upper: UPPER } }), (model) =>
      failure("usage", () => evaluate(model, data, { attacks: [fgsm], epsilons: [0.1], levels: 256 })),
    );
  });
});
