import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { onGrid, toGrid } from "./grid.ts";
import { type NormName, norms } from "./norm.ts";

const box = { lower: 0, upper: 1 };
const isOnGrid = (v: number, levels: number) => onGrid(v, box, levels) === v;

describe("the grid of 8-bit images", () => {
  it("is what a PNG holds: k / 255 as float32", () => {
    for (let k = 0; k < 256; k++) expect(onGrid(Math.fround(k / 255) + 1e-4, box, 256)).toBe(Math.fround(k / 255));
    expect(onGrid(-3, box, 256)).toBe(0);
    expect(onGrid(3, box, 256)).toBe(1);
    expect(onGrid(0.9, { lower: -1, upper: 1 }, 3)).toBe(1);
  });

  const norm = fc.constantFrom<NormName>("linf", "l2", "l1", "l0");
  const pixels = fc.array(fc.tuple(fc.integer({ min: 0, max: 255 }), fc.float({ min: 0, max: 1, noNaN: true })), {
    minLength: 1,
    maxLength: 30,
  });
  it("keeps every candidate in the ball around a sample of the grid", () =>
    fc.assert(
      fc.property(norm, pixels, fc.float({ min: Math.fround(0.001), max: 4, noNaN: true }), (name, pairs, radius) => {
        const measure = norms[name];
        const epsilon = name === "linf" ? radius / 4 : radius;
        const x = Float32Array.from(pairs, ([k]) => k / 255);
        const out = Float32Array.from(pairs, ([, v]) => v);
        measure.project(out, x, epsilon, box);
        const before = out.slice();
        toGrid(out, x, measure, epsilon, box, 256);
        expect(out.every((v) => isOnGrid(v, 256))).toBe(true);
        expect(measure.distance(out, x)).toBeLessThanOrEqual(epsilon + 2 ** -23);
        // Nothing moves by more than one value of the grid, or across x.
        for (const [i, v] of out.entries()) {
          expect(Math.abs(v - before[i]!)).toBeLessThanOrEqual(1.001 / 255);
          expect((v - x[i]!) * (before[i]! - x[i]!)).toBeGreaterThanOrEqual(0);
        }
      }),
    ));

  it("spends a budget of whole levels in full", () => {
    const x = Float32Array.of(100 / 255, 0, 1);
    const out = Float32Array.of(108.4 / 255, 7.6 / 255, 246.9 / 255);
    toGrid(out, x, norms.linf, 8 / 255, box, 256);
    expect([...out]).toEqual([108, 8, 247].map((k) => Math.fround(k / 255)));
  });

  it("refuses fewer than two levels", () => {
    const one = Float32Array.of(0.5);
    for (const levels of [1, 0, 1.5, Number.NaN])
      expect(() => toGrid(one.slice(), one, norms.l2, 1, box, levels)).toThrow(/whole number from 2/);
  });
});
