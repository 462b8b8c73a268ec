import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { product } from "../tensor.ts";
import { broadcast, divideDims, multiplyDims, normalizeAxis, reshapeDims } from "./dims.ts";
import type { Dim } from "./graph.ts";

/** Sizes that names stand for. */
const NAMED: Readonly<Record<string, number>> = { N: 6, M: 1, K: 2 };
const real = (d: Dim): number | null =>
  typeof d === "string" ? product(d.split("*").map((part) => NAMED[part] ?? Number(part))) : d;
const size = fc.constantFrom<Dim>(1, 2, 3, 6, "N", "M", "K");
const shape = fc.array(size, { maxLength: 5 });
const concrete = (dims: readonly Dim[]): number[] => dims.map((d) => real(d)!);

/** Numpy's rule, for numbers; undefined where the shapes do not fit. */
function numpy(a: readonly number[], b: readonly number[]): number[] | undefined {
  const rank = Math.max(a.length, b.length);
  const at = (dims: readonly number[], i: number) => dims[i - rank + dims.length] ?? 1;
  const pairs = Array.from({ length: rank }, (_, i) => [at(a, i), at(b, i)] as const);
  if (pairs.some(([p, q]) => p !== q && p !== 1 && q !== 1)) return undefined;
  return pairs.map(([p, q]) => (p === 1 ? q : p));
}

describe("broadcasting", () => {
  it("is numpy's, whatever the names stand for", () => {
    fc.assert(
      fc.property(shape, shape, (a, b) => {
        const expected = numpy(concrete(a), concrete(b));
        fc.pre(expected !== undefined);
        const got = broadcast(a, b)!;
        expect(got.map((d, i) => (d === null ? expected[i] : real(d)))).toEqual(expected);
      }),
      { numRuns: 2000 },
    );
  });

  it("is the same both ways, and leaves a shape alone with itself and with a scalar", () => {
    fc.assert(
      fc.property(shape, shape, (a, b) => {
        if (numpy(concrete(a), concrete(b))) expect(broadcast(a, b)).toEqual(broadcast(b, a));
        expect(broadcast(a, a)).toEqual(a);
        expect(broadcast(a, [])).toEqual(a);
      }),
    );
  });

  it("knows nothing where a rank is unknown, and a size where the other side fixes it", () => {
    expect(broadcast(null, [1])).toBeNull();
    expect(broadcast([1], null)).toBeNull();
    expect(broadcast([null], [3])).toEqual([3]);
    expect(broadcast([null], [1])).toEqual([null]);
    expect(broadcast(["N"], ["M"])).toEqual([null]);
    expect(broadcast(["N"], [3])).toEqual([3]);
  });
});

describe("products and quotients", () => {
  it("are true for whatever the names stand for", () => {
    fc.assert(
      fc.property(shape, shape, (whole, parts) => {
        const all = multiplyDims(whole);
        if (all !== null) expect(real(all)).toBe(product(concrete(whole)));
        const rest = divideDims([...whole, ...parts], parts);
        if (rest !== null) expect(real(rest)! * product(concrete(parts))).toBe(product(concrete([...whole, ...parts])));
      }),
      { numRuns: 2000 },
    );
  });

  it("are known for numbers and names", () => {
    expect(multiplyDims([2, 3, 4])).toBe(24);
    expect(multiplyDims([])).toBe(1);
    expect(multiplyDims([1, "N", 1])).toBe("N");
    expect(multiplyDims(["N", 2, "M"])).toBe("2*M*N");
    expect(multiplyDims(["2*N", 3])).toBe("6*N");
    expect(divideDims(["6*N"], [3])).toBe("2*N");
    expect(divideDims(["6*N"], ["N", 2])).toBe(3);
    expect(divideDims(["N"], [2])).toBeNull();
    expect(multiplyDims([2, null])).toBeNull();
    expect(divideDims(["N", 6], [2, 3])).toBe("N");
    expect(divideDims(["N", 6], ["N", 2])).toBe(3);
    expect(divideDims([6], [4])).toBeNull();
    expect(divideDims([0], [0])).toBeNull();
    expect(divideDims([6], ["N"])).toBeNull();
  });
});

describe("Reshape", () => {
  it("finds any one size that is left open", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 5 }), fc.nat(), (dims, pick) => {
        const at = pick % dims.length;
        expect(reshapeDims(dims.toReversed(), dims.with(at, -1), false)).toEqual(dims);
        expect(reshapeDims(dims, dims.with(at, 0), false)).toEqual(dims);
      }),
    );
  });

  it("copies at 0 unless zeros are allowed, and keeps a name", () => {
    expect(reshapeDims(["N", 3, 4], [0, 12], false)).toEqual(["N", 12]);
    expect(reshapeDims(["N", 3, 4], [0, -1], false)).toEqual(["N", 12]);
    expect(reshapeDims(["N", 3, 4], [-1, 12], false)).toEqual(["N", 12]);
    expect(reshapeDims(["N", 3, 4], [-1, 6], false)).toEqual(["2*N", 6]);
    expect(reshapeDims([0, 3], [3, 0], true)).toEqual([3, 0]);
    expect(reshapeDims(null, [0, -1, 5], false)).toEqual([null, null, 5]);
    expect(reshapeDims([4], [2, null], false)).toEqual([2, null]);
  });
});

it("counts negative axes from the end", () => {
  expect([0, 2, -1, -3].map((axis) => normalizeAxis(axis, 3))).toEqual([0, 2, 2, 0]);
});
