import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decimalGrid } from "./decimal-grid.ts";

describe("numbers of so many digits", () => {
  it("follow each other", () => {
    const grid = decimalGrid(2);
    const nine = grid.below(0.098);
    expect([0, 1, 2, 3].map((k) => grid.at(nine + k))).toEqual([0.098, 0.099, 0.1, 0.11]);
    expect(grid.at(grid.below(1))).toBe(1);
  });

  it("hold every positive number between two of them", () => {
    const digits = fc.integer({ min: 1, max: 7 });
    fc.assert(
      fc.property(digits, fc.double({ min: 1e-9, max: 1e3, noNaN: true }), (n, value) => {
        const grid = decimalGrid(n);
        const place = grid.below(value);
        expect(grid.at(place)).toBeLessThanOrEqual(value);
        expect(grid.at(place + 1)).toBeGreaterThan(value);
      }),
    );
  });
});
