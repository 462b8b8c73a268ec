import { describe, expect, it } from "vitest";
import { numbers } from "../../../../test/support/models.ts";
import { type Norm, norms } from "../../../norm.ts";
import { shrinkEach, shrinkLargest } from "./proximal.ts";

const size = 12;
const metric = Float64Array.from(numbers(size, 1, 0.1, 3));
const from = numbers(size, 2);

describe.each([
  ["l1", norms.l1 as Norm, shrinkEach],
  ["linf", norms.linf as Norm, shrinkLargest],
])("the proximal operator of %s", (_, norm, shrink) => {
  const objective = (z: Float32Array, amount: number): number =>
    z.reduce((sum, v, j) => sum + (metric[j]! * (v - from[j]!) ** 2) / 2, amount * norm.length(z));

  it.each([0.01, 0.3, 2])("is lower than all around it, for the amount %f", (amount) => {
    const z = from.slice();
    shrink(z, metric, amount);
    const least = objective(z, amount);
    // Convex: what is least around a point is least of all.
    for (let k = 0; k < 200; k++) {
      const away = numbers(size, 10 + k, -0.01, 0.01);
      for (const scale of [1, 0.1])
        expect(
          objective(
            z.map((v, j) => v + scale * away[j]!),
            amount,
          ),
        ).toBeGreaterThan(least - 1e-7);
    }
    for (const scale of [0.99, 1.01])
      expect(
        objective(
          z.map((v) => scale * v),
          amount,
        ),
      ).toBeGreaterThan(least - 1e-7);
  });

  it("is 0 where the amount outweighs all, and changes nothing for none", () => {
    const [z, same] = [from.slice(), from.slice()];
    shrink(z, metric, 1e3);
    expect([...z].every((v) => v === 0)).toBe(true);
    shrink(same, metric, 0);
    expect(same).toEqual(from);
  });
});
