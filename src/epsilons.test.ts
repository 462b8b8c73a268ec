import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { epsilonName, epsilonOfName, epsilonsIn, epsilonText, numberIn } from "./epsilons.ts";

describe("epsilonText", () => {
  it.each([
    "0",
    "0.1",
    "8/255",
    "5/255",
    "17/255",
    "0.2",
    "1",
    "16/255",
    "1/3",
    "5/256",
    "0.0625",
    "0.031372",
    "2/7",
    "3.5",
    "1e-7",
  ])("is %s as it was written", (text) => {
    expect(epsilonText(numberIn(text))).toBe(text);
  });

  it("is part of a file's name", () => {
    expect([0.1, 8 / 255, 0.1 + 0.2, 1 / 3, 0, 2].map(epsilonName)).toEqual(["0.1", "8-255", "0.3", "1-3", "0", "2"]);
    const values = [0.1, 8 / 255, 1 / 3, 0, 2, 1e-7];
    expect(values.map((epsilon) => epsilonOfName(epsilonName(epsilon)))).toEqual(values);
    expect(["", "ilon", "8-", "1-2-3"].map(epsilonOfName)).toEqual([Number.NaN, Number.NaN, Number.NaN, Number.NaN]);
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
