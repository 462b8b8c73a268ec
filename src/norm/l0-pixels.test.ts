import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { l0Unit, type Norm, normFor, norms, pixelsOf } from "../norm.ts";
import { randomFor } from "../random.ts";

const BOX = { lower: 0, upper: 1 };
const FIRST: Norm = normFor("l0", [3, 1, 3]);
const LAST: Norm = normFor("l0", [2, 5, 3]);

describe("the unit of L0", () => {
  it.each([
    [[3, 32, 32], { count: 1024, channels: 3, channelsLast: false }],
    [[32, 32, 3], { count: 1024, channels: 3, channelsLast: true }],
    [[8, 5, 4], { count: 40, channels: 4, channelsLast: true }],
    [[2, 5, 7], { count: 35, channels: 2, channelsLast: false }],
    [[1, 28, 28], null],
    [[28, 28], null],
    [[30], null],
    [[26, 1, 1], null],
    [[64, 8, 8], null],
    [[3, 4, 8, 8], null],
  ])("of samples of shape %o", (shape, pixels) => {
    expect(pixelsOf(shape)).toEqual(pixels);
    expect(l0Unit(shape)).toBe(pixels ? "pixels" : "elements");
    expect(normFor("l0", shape) === norms.l0).toBe(pixels === null);
    expect(normFor("l2", shape)).toBe(norms.l2);
  });
});

describe("L0 of pixels", () => {
  // Three pixels with channels first: pixel p holds elements p, p + 3 and p + 6.
  const x = Float32Array.of(0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5);

  it("counts a pixel once, whatever changes in it", () => {
    const moved = Float32Array.of(0, 0.5, 0.5, 1, 0.5, 0.5, 0.5, 0.5, 0.6);
    expect([FIRST.distance(moved, x), norms.l0.distance(moved, x)]).toEqual([2, 3]);
    const side = new Float32Array(30);
    const one = side.slice().fill(1, 3, 6);
    expect([LAST.distance(one, side), LAST.length(one)]).toEqual([1, 1]);
    expect(FIRST.distance(moved.fill(Number.NaN, 0, 1), x)).toBeNaN();
  });

  it("keeps the pixels that moved farthest, all channels of them", () => {
    const out = Float32Array.of(0.9, 0.1, 0.5, 0.5, 0.1, 0.5, 0.5, 0.1, 0.8);
    FIRST.project(out, x, 1, BOX);
    expect([...out]).toEqual([0.5, 0.1, 0.5, 0.5, 0.1, 0.5, 0.5, 0.1, 0.5].map(Math.fround));
    FIRST.project(out, x, 0.9, BOX);
    expect(out).toEqual(x);
  });

  it("steps to the corners of the pixels with the largest gains together", () => {
    const out = new Float32Array(9);
    FIRST.ascend(out, x, Float32Array.of(5, 3, 0, 0, -3, 0, 0, 0, 1), 1, BOX);
    expect([...out]).toEqual([0.5, 1, 0.5, 0.5, 0, 0.5, 0.5, 0.5, 0.5]);
    expect(FIRST.dualLength!(Float32Array.of(5, 3, 0, 0, -3, 0, 0, 0, 1))).toBe(6);
  });

  it("draws inside the ball, and projects into it", () => {
    fc.assert(
      fc.property(fc.nat(12), fc.nat(1000), (epsilon, seed) => {
        const random = randomFor(seed, 0);
        const from = Float32Array.from({ length: 30 }, () => random.uniform());
        const [drawn, thrown] = [new Float32Array(30), Float32Array.from(from, () => random.uniform())];
        LAST.uniform(drawn, from, epsilon, random);
        LAST.project(thrown, from, epsilon, BOX);
        for (const point of [drawn, thrown]) expect(LAST.distance(point, from)).toBe(Math.min(10, epsilon));
      }),
      { numRuns: 100 },
    );
  });
});
