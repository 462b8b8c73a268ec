import { describe, expect, it } from "vitest";
import { arrayDataset, floats, numbers, open, twoClassGraph, using } from "../../test/support/models.ts";
import { attacks } from "../attacks/index.ts";
import { evaluate } from "./evaluation.ts";

// A linear model of six features of very different ranges, some with little room and much weight.
const N = 60;
const W = Float32Array.of(1, -0.5, 0.2, 3, -2, 0.7);
const LOWER = [-3, 0, -10, 0.5, 0, -1];
const UPPER = [3, 2, 10, 0.625, 0.25, 1];
const unit = numbers(6 * N, 43, 0, 1);
const X = Float32Array.from(unit, (u, i) => LOWER[i % 6]! + u * (UPPER[i % 6]! - LOWER[i % 6]!));
const BIAS = -1;
const margins = Array.from({ length: N }, (_, n) => W.reduce((sum, w, i) => sum + w * X[6 * n + i]!, BIAS));
const data = arrayDataset(
  floats([N, 6], X),
  margins.map((m) => Number(m > 0)),
);

/** How far each element may move towards the other class, and what a unit of that changes. */
const rooms = (n: number) =>
  [...W].map((w, i) => {
    const x = X[6 * n + i]!;
    const down = margins[n]! > 0 ? w > 0 : w < 0;
    return { weight: Math.abs(w), room: down ? x - LOWER[i]! : UPPER[i]! - x };
  });

/** The most that the margin falls within ε and the bounds: by bisection of λ in d_i = min(λ |w_i|, room_i), or the knapsack of L1. */
const MOST = {
  l2(n: number, epsilon: number) {
    const all = rooms(n);
    const moved = (scale: number) => all.map(({ weight, room }) => Math.min(scale * weight, room));
    let [low, high] = [0, 1e4];
    for (let k = 0; k < 200; k++) {
      const middle = (low + high) / 2;
      if (Math.hypot(...moved(middle)) > epsilon) high = middle;
      else low = middle;
    }
    return moved(low).reduce((sum, d, i) => sum + d * all[i]!.weight, 0);
  },
  l1(n: number, epsilon: number) {
    let [left, most] = [epsilon, 0];
    for (const { weight, room } of rooms(n).sort((a, b) => b.weight - a.weight)) {
      const d = Math.min(left, room);
      most += d * weight;
      left -= d;
    }
    return most;
  },
};
const robust = (norm: "l2" | "l1", epsilon: number) =>
  margins.filter((m, n) => Math.abs(m) > MOST[norm](n, epsilon)).length;

const EPSILONS = [0.3, 1, 2];
/** Attacks that do not reach the closed form, and how many samples they may leave beyond it: they are no exact steps. */
const MORE: Readonly<Record<string, number>> = {
  "r-fgsm": 5,
  "mi-fgsm": 2,
  "apgd-ce": 1,
  "sparse-l1": 1,
  fmn: 2,
  ead: 1,
  fab: 9,
  "fab-t": 9,
  pdpgd: 5,
  least: 5,
};
const named = (norm: "l2" | "l1") =>
  Object.values(attacks).filter(
    ({ name, needs, norms, ...rest }) =>
      needs === "gradient" && norms.some((one) => one === norm) && !("also" in rest) && !/^auto|dlr|apgd-t/.test(name),
  );

describe("inside the bounds of each element", () => {
  const wanted = (norm: "l2" | "l1") => EPSILONS.map((epsilon) => robust(norm, epsilon));

  it("some, and not all, are robust", () => {
    expect([wanted("l2"), wanted("l1")]).toEqual([
      [41, 24, 8],
      [48, 33, 18],
    ]);
  });

  for (const norm of ["l2", "l1"] as const)
    it.each(named(norm))(`in ${norm}, $name leaves what the closed form leaves`, async (attack) => {
      const options = { attacks: [attack as never], norm, epsilons: EPSILONS, followUp: false };
      const { evaluation } = await using(
        open(twoClassGraph(W, BIAS), { bounds: { lower: LOWER, upper: UPPER } }),
        (model) => evaluate(model, data, options),
      );
      for (const [k, { correct }] of evaluation.worst.entries()) {
        expect(correct).toBeGreaterThanOrEqual(wanted(norm)[k]!);
        expect(correct).toBeLessThanOrEqual(wanted(norm)[k]! + (MORE[attack.name] ?? 0));
      }
    });
});
