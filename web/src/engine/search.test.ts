import fc from "fast-check";
import { expect, it } from "vitest";
import type { AttackOutcome } from "../engine.ts";
import { leastFooling } from "./search.ts";

const STEP = 0.001;
const NOTHING = { held: 0, fooled: Number.POSITIVE_INFINITY };
const options = { span: NOTHING, to: 0.5, step: STEP, norm: "linf", hear: () => undefined } as const;

/** An attack that fools from an ε on, with an example as near as can be, or one at the edge. */
const fooling =
  (from: number, distance: (epsilon: number) => number = (epsilon) => epsilon) =>
  async (epsilon: number) =>
    ({
      attacked: true,
      success: epsilon >= from,
      distances: { linf: distance(epsilon), l2: 9, l1: 9, l0: 9 },
    }) as unknown as AttackOutcome;

it("finds where an attack begins to fool, to within a step", async () => {
  await fc.assert(
    fc.asyncProperty(fc.double({ min: 2 * STEP, max: 0.5, noNaN: true }), async (from) => {
      const { held, fooled } = await leastFooling(fooling(from), options);
      expect(held).toBeLessThan(from);
      expect(fooled).toBeGreaterThanOrEqual(from);
      expect(fooled - held).toBeLessThanOrEqual(STEP * (1 + 1e-9));
    }),
  );
});

it("takes the distance of what it finds, also where it is nearer than what was tried in vain", async () => {
  const tried: number[] = [];
  const found = await leastFooling(
    async (epsilon) => {
      tried.push(epsilon);
      return fooling(0.3, () => 0.04)(epsilon);
    },
    { ...options, span: { held: 0.2, fooled: Number.POSITIVE_INFINITY } },
  );
  expect(tried[0]).toBe(0.5);
  expect(found.fooled).toBe(0.04);
  expect(Math.max(...tried.slice(1))).toBeLessThan(0.04);
});

it("asks once where the attack does not fool at the end, and not at all where that is known", async () => {
  let asked = 0;
  const never = async (epsilon: number) => {
    asked++;
    return fooling(9)(epsilon);
  };
  expect(await leastFooling(never, options)).toEqual({ held: 0.5, fooled: Number.POSITIVE_INFINITY });
  await leastFooling(never, { ...options, span: { held: 0.5, fooled: Number.POSITIVE_INFINITY } });
  expect(asked).toBe(1);
});

it("tries whole numbers where ε counts", async () => {
  const tried: number[] = [];
  const found = await leastFooling(
    async (epsilon) => {
      tried.push(epsilon);
      return fooling(13)(epsilon);
    },
    { ...options, to: 200, step: 1, norm: "l0" },
  );
  expect(found).toEqual({ held: 12, fooled: 13 });
  expect(tried.every(Number.isInteger)).toBe(true);
});
