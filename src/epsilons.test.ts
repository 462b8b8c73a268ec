import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { epsilonsIn, epsilonText, numberIn } from "./epsilons.ts";

describe("epsilonText", () => {
  it("is the shorter of a decimal and a fraction of 255", () => {
    expect([0, 0.1, 8 / 255, 0.2, 1, 16 / 255].map(epsilonText)).toEqual(["0", "0.1", "8/255", "0.2", "1", "16/255"]);
  });

  it("is read back to the same number", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        (epsilon) => numberIn(epsilonText(epsilon)) === epsilon,
      ),
    );
    for (let n = 0; n <= 255; n++) expect(epsilonsIn(epsilonText(n / 255))).toEqual([n / 255]);
  });
});

it("faults are of usage", () => {
  for (const text of ["x", "1/0", "0.2,0.1", "-1", "0:1"])
    expect(() => epsilonsIn(text)).toThrow(expect.objectContaining({ code: "usage" }));
});
