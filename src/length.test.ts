import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { failure } from "../test/support/datasets.ts";
import { checkLength, inEpsilons, isLength, lengthAt, lengthIn } from "./length.ts";

describe("a length", () => {
  it("is absolute as a number, and a multiple of ε with eps", () => {
    expect(lengthAt(2 / 255, 0.3)).toBe(2 / 255);
    expect(lengthAt("0.25eps", 8 / 255)).toBe(2 / 255);
    expect(lengthAt("0.25eps", 0.3)).toBe(0.25 * 0.3);
    expect(inEpsilons(2 / 255, 8 / 255)).toBe(0.25);
    expect(inEpsilons("0.1eps", 0.3)).toBe(0.1);
  });

  it("relative to ε is the product of the numbers, to the bit", () => {
    const number = fc.double({ min: 1e-9, max: 1e9, noNaN: true });
    fc.assert(
      fc.property(number, number, (factor, epsilon) => {
        expect(lengthAt(`${factor}eps`, epsilon)).toBe(factor * epsilon);
        expect(inEpsilons(`${factor}eps`, epsilon)).toBe(factor);
        expect(lengthIn(`${factor}eps`)).toBe(`${factor}eps`);
        expect(lengthIn(String(factor))).toBe(factor);
      }),
    );
  });

  it.each([
    ["2/255", 2 / 255],
    [".5", 0.5],
    ["1/4eps", "0.25eps"],
    ["1e-3 eps", "0.001eps"],
  ] as const)("is read from %s", (text, length) => expect(lengthIn(text)).toBe(length));

  it.each(["", "eps", "2/0eps", "0.25ep", "x", "0x10", "1eps2", "Infinity"])("is not %j", async (text) => {
    await failure("usage", () => lengthIn(text));
  });

  it("is told from what is none", () => {
    expect([0.1, -1, "0.25eps", "1e-7eps"].every(isLength)).toBe(true);
    expect(
      [Number.NaN, Number.POSITIVE_INFINITY, "0.25", "2/255", "NaNeps", "eps", null, undefined, {}].some(isLength),
    ).toBe(false);
  });

  it("must be above 0 where a check says so", async () => {
    checkLength("stepSize", "0.1eps");
    for (const length of [0, -0.1, "0eps", "-1eps"] as const)
      expect((await failure("usage", () => checkLength("stepSize", length))).message).toBe(
        `stepSize must be above 0, got ${length}.`,
      );
  });
});
