import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { failure, survives } from "../../../test/support/datasets.ts";
import { fromNumber, negative, plus, readDecimal, sign, times, toNumber } from "./decimal.ts";
import { readVnnlib } from "./read.ts";

const declared = "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)(declare-const Y_1 Real)\n";
const box = "(assert (>= X_0 -1))(assert (<= X_0 1.0))(assert (and (>= X_1 0)(<= X_1 5e-1)))\n";
const read = (text: string) => readVnnlib(declared + box + text);
/** Conditions as Σ by·Y ≤ limit. */
const outputs = (text: string) =>
  read(text).cases.map((c) =>
    c.outputs.map(({ coefficients, limit, isStrict }) => [
      Object.fromEntries([...coefficients].map(([k, by]) => [k, toNumber(by)])),
      isStrict ? "<" : "<=",
      toNumber(limit),
    ]),
  );

describe("decimals are exact", () => {
  it("and compare with float64 as they are written", () => {
    const compare = (text: string, value: number) => sign(plus(readDecimal(text), negative(fromNumber(value))));
    expect(compare("0.1", 0.1)).toBe(-1);
    expect(compare("0.1000000000000000055511151231257827021181583404541015625", 0.1)).toBe(0);
    // The float64 next to 1e-5 is above it.
    expect(compare("-1e-05", -1e-5)).toBe(1);
    expect(compare("0.5", 0.5)).toBe(0);
  });

  it("sum and multiply as rational numbers", () => {
    const decimal = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e30, max: 1e30 });
    fc.assert(
      fc.property(decimal, decimal, (a, b) => {
        expect(sign(plus(fromNumber(a), negative(fromNumber(b))))).toBe(Math.sign(a - b) + 0);
        expect(toNumber(fromNumber(a))).toBe(a + 0);
        expect(sign(times(fromNumber(a), fromNumber(b)))).toBe(Math.sign(a) * Math.sign(b) + 0);
      }),
    );
  });

  it.each(["1e400", "-1e999999", "0x10", "1.2.3", "NaN", "inf", "1e"])("%s is none, or out of range", async (text) => {
    await failure("invalid-file", () => readDecimal(text));
  });
});

describe("VNN-LIB 1.0, as benchmarks write it", () => {
  it("boxes end at the float32 numbers inside of what the decimals say", () => {
    const { cases } = readVnnlib(
      `${declared}(assert (<= X_0 0.1))(assert (>= X_0 -0.1))(assert(>= 0.5 X_1))(assert (<= (* -2 X_1) 0.2))(assert (<= Y_0 0))`,
    );
    const [x] = cases;
    // The float32 next to .1 is above it.
    expect(Math.fround(0.1)).toBeGreaterThan(0.1);
    expect(x!.upper[0]).toBeLessThan(0.1);
    expect(x!.upper[0]).toBeGreaterThan(0.0999999);
    expect(x!.lower[0]).toBe(-x!.upper[0]!);
    expect(x!.upper[1]).toBe(0.5);
    expect(x!.lower[1]).toBe(x!.lower[0]);
  });

  it("conditions between outputs, and with numbers, either way around", () => {
    expect(outputs("(assert (<= Y_0 Y_1))")).toEqual([[[{ 0: 1, 1: -1 }, "<=", 0]]]);
    expect(outputs("(assert (>= Y_0 3.5))")).toEqual([[[{ 0: -1 }, "<=", -3.5]]]);
    expect(outputs("(assert (<= 3.5 Y_0))")).toEqual([[[{ 0: -1 }, "<=", -3.5]]]);
    expect(outputs("(assert (< (+ Y_0 (* 2 Y_1) 1) (- Y_0)))")).toEqual([[[{ 0: 2, 1: 2 }, "<", -1]]]);
  });

  it("or and and, nested, without blanks", () => {
    expect(outputs("(assert(or(and(<= Y_0 1)(<= Y_1 2))(>= Y_0 9)))")).toEqual([
      [
        [{ 0: 1 }, "<=", 1],
        [{ 1: 1 }, "<=", 2],
      ],
      [[{ 0: -1 }, "<=", -9]],
    ]);
    // (a or b) and (c or d): four cases.
    expect(outputs("(assert (or (<= Y_0 1) (<= Y_0 2)))\n(assert (or (<= Y_1 3) (<= Y_1 4)))")).toHaveLength(4);
  });

  it("a case for each box of inputs", () => {
    const { cases } = readVnnlib(
      `${declared}(assert (or (and (>= X_0 0)(<= X_0 1)(>= X_1 0)(<= X_1 1)(<= Y_0 0)) (and (>= X_0 2)(<= X_0 3)(>= X_1 2)(<= X_1 3)(<= Y_1 0))))`,
    );
    expect(cases.map((c) => [...c.lower, ...c.upper])).toEqual([
      [0, 0, 1, 1],
      [2, 2, 3, 3],
    ]);
  });

  it.each([
    ["(assert (<= 1 0))", /between numbers alone/],
    ["(assert (<= X_1 -7))", /no float32 number.*element 1/],
    // One decimal, of which there is no float32 number.
    ["(assert (= X_1 0.1))", /no float32 number.*element 1/],
    ["(assert (<= Y_0 -1))(assert (>= Y_0 1))", /conditions on the output contradict/],
    ["(assert (< (- Y_0 Y_1) 1))(assert (>= Y_0 (+ Y_1 1.0)))", /conditions on the output contradict/],
  ])("%s contradicts itself, or the box, which is refused", async (text, message) => {
    expect((await failure("invalid-file", () => read(text))).message).toMatch(message);
  });

  it("a case that cannot be is left empty where another one can", () => {
    const { cases } = read("(assert (or (<= X_1 -7) (<= Y_0 0) (and (<= Y_0 0) (>= Y_0 0.5))))");
    expect(cases.map(({ lower, upper }) => lower.some((l, i) => l > upper[i]!))).toEqual([true, false, true]);
    expect(read("(assert (<= Y_0 1))(assert (>= Y_0 1))").cases).toHaveLength(1);
    // Not the same sum, though no float64 tells the two apart.
    expect(read("(assert (<= Y_0 -1))(assert (>= (* 1.00000000000000000001 Y_0) 1))").cases).toHaveLength(1);
  });
});

describe("VNN-LIB 2.0", () => {
  const network = "(vnnlib-version <2.0>)(declare-network n (declare-input X Real [2,2])(declare-output Y Real []))";
  it("elements by their indices, scalars by their name, equality", () => {
    const inputs = ["0,0", "0,1", "1,0", "1,1"].map((at, i) => `(assert (== X[${at}] ${i}))`).join("");
    const { inputs: count, cases } = readVnnlib(`${network}${inputs}(assert (or (<= Y -3.0) (>= Y 0.0)))`);
    expect(count).toBe(4);
    expect(cases.map((c) => [...c.lower])).toEqual([
      [0, 1, 2, 3],
      [0, 1, 2, 3],
    ]);
    expect(cases[0]!.upper).toEqual(cases[0]!.lower);
  });

  it.each([
    ["a second network", `${network}${network}`],
    [
      "hidden nodes",
      '(declare-network n (declare-input X Real [1])(declare-hidden H Real [1] "h")(declare-output Y Real [1]))',
    ],
    ["a condition on two inputs", `${network}(assert (<= (+ X[0,0] X[0,1]) 1))`],
    ["a product of variables", `${network}(assert (<= (* X[0,0] X[0,1]) 1))`],
    ["no box", `${network}(assert (<= Y 1))`],
  ])("%s is refused", async (_, text) => {
    await failure("unsupported", () => readVnnlib(text));
  });
});

describe("broken files", () => {
  it.each([
    ["(assert (<= X_0 1)", /line 3: this "\(" is not closed/],
    ["(assert (<= X_7 1))", /"X_7" is not declared/],
    ["(assert (<= X_0 1e400))", /out of range/],
    ["(assert (=> X_0 1))", /is no condition/],
    ["(assert (<= X_0))", /two sides/],
    ["(frobnicate)", /is not known/],
    [")", /closes nothing/],
    ["(assert (or))", /needs something/],
  ])("%s: one clear error, with the line", async (text, message) => {
    expect((await failure("invalid-file", () => read(text))).message).toMatch(message);
  });

  it("cases beyond a hundred thousand are refused, and deep nesting", async () => {
    const many = Array.from({ length: 40 }, () => "(assert (or (<= Y_0 1) (<= Y_1 2)))").join("\n");
    await failure("unsupported", () => read(many));
    await failure("invalid-file", () => read(`(assert ${"(and ".repeat(100)}`));
  });

  it("any text either reads or fails in our words", async () => {
    const piece = fc.constantFrom(
      "(",
      ")",
      "assert",
      "<=",
      "and",
      "or",
      "X_0",
      "Y_0",
      "1",
      "-2.5e-3",
      "\n",
      " ",
      "*",
      "declare-const",
      ";",
      "[0]",
      '"',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 40 }), async (pieces) => {
        await survives(() => readVnnlib(declared + box + pieces.join(" ")));
      }),
    );
  });
});
