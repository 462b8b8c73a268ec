import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  parseAugmentation,
  parseEpsilons,
  parseFailUnder,
  parseHalfWidth,
  parseNumber,
  parseNumbers,
  parseShape,
  wholeNumber,
} from "./values.ts";

describe("numbers", () => {
  it("are decimals or fractions", () => {
    expect(["0.1", ".1", "1e-3", "8/255", " 1 / 4 ", "-2", "+3"].map(parseNumber)).toEqual([
      0.1,
      0.1,
      0.001,
      8 / 255,
      0.25,
      -2,
      3,
    ]);
    expect(parseNumbers("0.485,0.456,0.406")).toEqual([0.485, 0.456, 0.406]);
  });

  it.each(["", " ", "x", "nan", "Infinity", "1e999", "0x10", "1_000", "1/2/3", "8/", "/8", "1,2", "--1"])(
    "refuses %j",
    (text) => {
      expect(() => parseNumber(text)).toThrow("is no number");
    },
  );

  it("refuses to divide by zero", () => expect(() => parseNumber("8/0")).toThrow("divides by zero"));

  it("come back as they were written", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) =>
        Object.is(parseNumber(String(value)) + 0, value + 0),
      ),
    );
  });

  it("are whole and bounded where they count", () => {
    expect([wholeNumber(0)("0"), wholeNumber(1)("12")]).toEqual([0, 12]);
    for (const text of ["", "-1", "1.5", "1e3", "9007199254740993", "x"])
      expect(() => wholeNumber(0)(text)).toThrow("no whole number");
    expect(() => wholeNumber(1)("0")).toThrow("at least 1");
    expect([parseShape("1,28,28"), parseShape("3x32x32")]).toEqual([
      [1, 28, 28],
      [3, 32, 32],
    ]);
    expect(() => parseShape("3,,32")).toThrow("no whole number");
  });
});

describe("ε", () => {
  it("is a list, or a range with both ends", () => {
    expect(parseEpsilons("0,8/255,0.3")).toEqual([0, 8 / 255, 0.3]);
    expect(parseEpsilons("0.05:0.3:0.05")).toEqual([0.05, 0.1, 0.15, 0.2, 0.25, 0.3]);
    expect(parseEpsilons("0:1:0.3")).toEqual([0, 0.3, 0.6, 0.9]);
    expect(parseEpsilons("0.1:0.1:1")).toEqual([0.1]);
  });

  it("rises and stays inside its range", () => {
    const hundredths = fc.integer({ min: 0, max: 500 }).map((n) => n / 100);
    fc.assert(
      fc.property(hundredths, hundredths, fc.integer({ min: 1, max: 100 }), (from, length, step) => {
        const values = parseEpsilons(`${from}:${from + length}:${step / 100}`);
        expect(values[0]).toBe(from);
        expect(values).toEqual([...new Set(values)].sort((a, b) => a - b));
        expect(values.at(-1)).toBeLessThanOrEqual(from + length + 1e-9);
        expect(values.at(-1)! + step / 100).toBeGreaterThan(from + length - 1e-9);
      }),
    );
  });

  it.each(["-0.1", "0.2,0.1", "0.1,0.1", "0.1,,0.2", "0:1", "1:0:0.1", "0:1:0", "0:1:-1", "0:1:1e-9", "a:b:c"])(
    "refuses %j",
    (text) => {
      expect(() => parseEpsilons(text)).toThrow();
    },
  );
});

describe("--until", () => {
  it.each([
    ["±1%", 0.01],
    ["+-1%", 0.01],
    ["+/-1 %", 0.01],
    ["1%", 0.01],
    ["0.7%", 0.007],
    ["±.02", 0.02],
    ["0.01", 0.01],
  ])("%s is %d", (text, share) => expect(parseHalfWidth(text)).toBe(share));

  it.each(["1", "0", "0%", "50%", "-1%", "±", "%", "1%%", "1e-2", "1/100", "x", ""])("refuses %j", (text) => {
    expect(() => parseHalfWidth(text)).toThrow(/Write ±1% or 0.01/);
  });
});

describe("--fail-under", () => {
  it("is an accuracy at an ε", () => {
    expect(parseFailUnder("0.5@8/255")).toEqual({ accuracy: 0.5, epsilon: 8 / 255 });
    expect(parseFailUnder("50%@0.1")).toEqual({ accuracy: 0.5, epsilon: 0.1 });
  });

  it.each(["0.5", "@0.1", "0.5@", "0.5@0.1@0.2", "1.5@0.1", "-1%@0.1", "x@0.1"])("refuses %j", (text) => {
    expect(() => parseFailUnder(text)).toThrow();
  });
});

it("changes of pictures are named once each", () => {
  expect(parseAugmentation("flip, shift=2,crop=0")).toEqual({ flip: true, shift: 2, crop: 0 });
  expect(() => parseAugmentation("flip,flip")).toThrow("names flip twice");
  expect(() => parseAugmentation("shift=1,flip,shift=2")).toThrow("names shift twice");
  expect(() => parseAugmentation("flip,turn=3")).toThrow("none of flip");
});
