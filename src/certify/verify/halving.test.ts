import { describe, expect, it } from "vitest";
import { Halving } from "./halving.ts";

const box = (...widths: number[]) => ({ lower: new Float32Array(widths.length), upper: Float32Array.from(widths) });
const chosen = (halves: ReturnType<Halving["of"]>, { upper }: ReturnType<typeof box>) =>
  halves?.[0].upper.findIndex((u, i) => u !== upper[i]);

describe("the input along which a box is halved", () => {
  it("is the one of which the line loses most, where it is the line that loses", () => {
    const of = box(1, 2, 4);
    const slope = Float32Array.of(3, -2, 0.5);
    const halves = new Halving(3).of(of, { slope, above: 4.5 })!;
    expect(chosen(halves, of)).toBe(1);
    expect(halves.map(({ lower, upper }) => [lower[1], upper[1]])).toEqual([
      [0, 1],
      [1, 2],
    ]);
  });

  it("is one that is usually steep, where gaps lose all and the line is level along it", () => {
    const halving = new Halving(2);
    for (let i = 0; i < 4; i++) halving.of(box(1, 1), { slope: Float32Array.of(5, 4), above: 4.5 });
    const of = box(0.001, 1);
    expect(chosen(halving.of(of, { slope: Float32Array.of(50, 0), above: 12 }), of)).toBe(1);
  });

  it("is the widest, where nothing is known of a slope", () => {
    const of = box(1, 3);
    const unknown = { slope: Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY), above: Number.POSITIVE_INFINITY };
    expect(chosen(new Halving(2).of(of, unknown), of)).toBe(1);
    expect(chosen(new Halving(2).of(of, { slope: new Float32Array(2), above: Number.NaN }), of)).toBe(1);
  });

  it("is none, where float32 has no number between the ends", () => {
    const of = { lower: Float32Array.of(1), upper: Float32Array.of(1 + 2 ** -23) };
    expect(new Halving(1).of(of, { slope: Float32Array.of(1), above: 1 })).toBeUndefined();
  });
});
