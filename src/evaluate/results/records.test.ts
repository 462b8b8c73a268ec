import { expect, it } from "vitest";
import { numbers } from "../../../test/support/models.ts";
import { norms } from "../../norm.ts";
import { distancesOf } from "./records.ts";

it("measures as each norm does", () => {
  const b = numbers(300, 1);
  const a = numbers(300, 2).map((v, i) => (i % 3 === 0 ? b[i]! : v));
  expect(distancesOf(a, b)).toEqual({
    linf: norms.linf.distance(a, b),
    l2: norms.l2.distance(a, b),
    l1: norms.l1.distance(a, b),
    l0: norms.l0.distance(a, b),
  });
});
