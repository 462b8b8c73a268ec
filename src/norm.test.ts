import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bestRise, bestStep } from "../test/support/balls.ts";
import { type Box, type Norm, type NormName, norms } from "./norm.ts";
import { randomFor } from "./random.ts";

const UNIT: Box = { lower: 0, upper: 1 };
/** A box that nothing here meets. */
const WIDE: Box = { lower: -100, upper: 100 };
/** Half the spacing of float32 below 1: what rounding may move an element that lies in [0, 1]. */
const ULP = 2 ** -25;
/** What rounding of d elements up to `size` may add to a distance: never more than the sum of what each may. */
const slack = (d: number, size = 1) => 2 * d * ULP * size + 1e-12;

/** Those that measure a perturbation. */
type Lp = Norm & { readonly name: Exclude<NormName, "spatial"> };
const convex = [norms.linf, norms.l2, norms.l1] as readonly Lp[];
const all = [...convex, norms.l0] as readonly Lp[];

const pixel = fc.oneof(fc.constantFrom(0, 1), fc.float({ min: 0, max: 1, noNaN: true }));
const far = fc.float({ min: -4, max: 4, noNaN: true }).map((v) => v + 0);
const near = fc.float({ min: -1, max: 1, noNaN: true });
/** Slopes of very different sizes, zeros among them. */
const slope = fc.oneof(
  fc.constant(0),
  fc.float({ min: -1, max: 1, noNaN: true }),
  fc.tuple(fc.constantFrom(-1, 1), fc.integer({ min: -20, max: 20 })).map(([sign, e]) => Math.fround(sign * 2 ** e)),
);
const epsilon = fc.oneof(fc.constantFrom(0, 0.5), fc.double({ min: 0, max: 3, noNaN: true }));
const vectors = <T extends readonly fc.Arbitrary<number>[]>(...elements: T) =>
  fc
    .integer({ min: 1, max: 9 })
    .chain((d) =>
      fc.tuple(...elements.map((e) => fc.array(e, { minLength: d, maxLength: d }).map((v) => Float32Array.from(v)))),
    );
const check = (property: fc.IPropertyWithHooks<unknown> | fc.IProperty<never>) =>
  fc.assert(property as fc.IProperty<unknown>, { numRuns: 300 });

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).reduce((sum, v, i) => sum + v * b[i]!, 0);
const minus = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a, (v, i) => v - b[i]!);
const ascended = (norm: Norm, x: Float32Array, g: Float32Array, e: number) => {
  const out = new Float32Array(x.length);
  norm.ascend(out, x, g, e, UNIT);
  return out;
};
const projected = (norm: Norm, z: Float32Array, x: Float32Array, e: number, box: Box = WIDE) => {
  const out = z.slice();
  norm.project(out, x, e, box);
  return out;
};
/** ε as the norm reads it: in float32 for L∞. */
const read = (norm: Norm, e: number) => (norm.name === "linf" ? Math.fround(e) : e);

/** The dual norm in float64, written apart. */
const dualLength = (name: NormName, v: readonly number[]): number =>
  name === "l1"
    ? Math.max(...v.map(Math.abs))
    : name === "linf"
      ? v.reduce((a, b) => a + Math.abs(b), 0)
      : Math.hypot(...v);

describe.each(all.map((norm) => [norm.name, norm] as const))("%s", (_, norm) => {
  it("measures: distance(a, b) is the length of a - b", () => {
    const v = Float32Array.of(3, -4, 0, 1);
    const expected = { linf: 4, l2: Math.sqrt(26), l1: 8, l0: 3 }[norm.name];
    expect(norm.length(v)).toBe(expected);
    expect(norm.distance(v, new Float32Array(4))).toBe(expected);
    expect(norm.distance(Float32Array.of(4, -2, 5, 1), Float32Array.of(1, 2, 5, 0))).toBe(expected);
    expect(norm.distance(v, v)).toBe(0);
  });

  it("reports NaN as NaN, wherever it stands", () => {
    for (const i of [0, 1, 2])
      expect(norm.distance(Float32Array.of(0, 1, 2).with(i, Number.NaN), new Float32Array(3))).toBeNaN();
  });

  it("sums in float64", () => {
    const big = new Float32Array(1_000_000).fill(0.1);
    const tenth = Math.fround(0.1);
    const expected = { linf: tenth, l2: tenth * 1000, l1: tenth * 1e6, l0: 1e6 }[norm.name];
    expect(norm.length(big) / expected).toBeCloseTo(1, 9);
  });

  it("project stays in the ball, moves nothing that is inside, and is idempotent", () => {
    check(
      fc.property(vectors(pixel, far), epsilon, ([x, z], e) => {
        const once = projected(norm, z!, x!, e);
        expect(norm.distance(once, x!)).toBeLessThanOrEqual(read(norm, e) + slack(x!.length, 4));
        const twice = projected(norm, once, x!, e);
        for (const [i, v] of twice.entries()) expect(Math.abs(v - once[i]!)).toBeLessThanOrEqual(slack(1, 4));
        if (norm.distance(z!, x!) <= e && norm !== norms.linf) expect(once).toEqual(z);
      }),
    );
  });

  it("project at ε = 0 gives x", () => {
    check(
      fc.property(vectors(pixel, far), ([x, z]) => {
        expect(projected(norm, z!, x!, 0)).toEqual(x);
      }),
    );
  });

  it("project then moves into the box", () => {
    check(
      fc.property(vectors(pixel, far), epsilon, ([x, z], e) => {
        const out = projected(norm, z!, x!, e, UNIT);
        // Zero has one sign here.
        const plain = (v: Float32Array) => v.map((p) => p + 0);
        const cut = (v: Float32Array) => v.map((p) => Math.min(1, Math.max(0, p)));
        // For L0 the box comes first: what it takes away no longer needs to be kept.
        expect(plain(out)).toEqual(
          plain(norm === norms.l0 ? projected(norm, cut(z!), x!, e) : cut(projected(norm, z!, x!, e))),
        );
        expect(norm.distance(out, x!)).toBeLessThanOrEqual(norm.distance(projected(norm, z!, x!, e), x!));
      }),
    );
  });

  it("ascend stays in the ball and the box, and changes nothing but `out`", () => {
    check(
      fc.property(vectors(pixel, slope), epsilon, ([x, g], e) => {
        const [x0, g0] = [x!.slice(), g!.slice()];
        const out = ascended(norm, x!, g!, e);
        expect([x, g]).toEqual([x0, g0]);
        expect(out.every((v) => v >= 0 && v <= 1)).toBe(true);
        expect(norm.distance(out, x!)).toBeLessThanOrEqual(read(norm, e) + slack(x!.length));
      }),
    );
  });

  it("ascend reaches the optimum of the dual problem", () => {
    check(
      fc.property(vectors(pixel, slope), epsilon, ([x, g], e) => {
        const best = bestRise(norm.name, x!, g!, read(norm, e), UNIT);
        const got = dot(g!, minus(ascended(norm, x!, g!, e), x!));
        expect(Math.abs(got - best)).toBeLessThanOrEqual(
          g!.reduce((a, v) => a + Math.abs(v), 0) * 2 * ULP + 1e-9 * best,
        );
      }),
    );
  });

  it("ascend at ε = 0 gives x", () => {
    check(
      fc.property(vectors(pixel, slope), ([x, g]) => {
        expect(ascended(norm, x!, g!, 0)).toEqual(x);
      }),
    );
  });

  it("ascend moves no element whose slope is zero", () => {
    check(
      fc.property(vectors(pixel, slope), epsilon, ([x, g], e) => {
        const out = ascended(norm, x!, g!, e);
        expect([...out].filter((v, i) => g![i] === 0 && v !== x![i])).toEqual([]);
      }),
    );
  });

  it("ascend leads every point of a fine grid of the plane", () => {
    const n = 200;
    check(
      fc.property(pixel, pixel, slope, slope, fc.double({ min: 0.01, max: 2, noNaN: true }), (x0, x1, g0, g1, e) => {
        const [x, g] = [Float32Array.of(x0, x1), Float32Array.of(g0, g1)];
        const best = dot(g, ascended(norm, x, g, e));
        const reach = read(norm, e);
        const length = {
          linf: Math.max,
          l2: Math.hypot,
          l1: (a: number, b: number) => a + b,
          l0: (a: number, b: number) => Number(a > 0) + Number(b > 0),
        }[norm.name];
        for (let i = 0; i <= n; i++)
          for (let j = 0; j <= n; j++) {
            const inside = length(Math.abs(i / n - x[0]!), Math.abs(j / n - x[1]!)) <= reach;
            if (inside && (g[0]! * i) / n + (g[1]! * j) / n > best + 4 * ULP * (Math.abs(g[0]!) + Math.abs(g[1]!)))
              throw new Error(`[${i / n}, ${j / n}] is better than ${ascended(norm, x, g, e)}`);
          }
      }),
    );
  }, 20_000);
});

describe.each(convex.map((norm) => [norm.name, norm] as const))("%s, being convex", (_, norm) => {
  // p is nearest to z in the ball exactly when ⟨z - p, q - p⟩ ≤ 0 for all its points q; the worst q has the dual norm's length.
  it("project gives the nearest point: the variational inequality holds", () => {
    check(
      fc.property(vectors(pixel, far), epsilon, ([x, z], e) => {
        const p = projected(norm, z!, x!, e);
        const away = minus(z!, p);
        const worst = dot(away, minus(x!, p)) + read(norm, e) * dualLength(norm.name, away);
        expect(worst).toBeLessThanOrEqual(slack(x!.length, 4) * dualLength("linf", away) + 1e-9);
      }),
    );
  });

  it("names its dual: ⟨g, d⟩ ≤ ‖d‖·‖g‖*, and a box far away lets ascend meet it", () => {
    check(
      fc.property(vectors(near, slope), fc.double({ min: 0.01, max: 1, noNaN: true }), ([d, g], e) => {
        const bound = norm.length(d!) * norms[norm.dual].length(g!);
        expect(dot(d!, g!)).toBeLessThanOrEqual(bound * (1 + 1e-12));
        const out = new Float32Array(d!.length);
        norm.ascend(out, new Float32Array(d!.length), g!, e, { lower: -10, upper: 10 });
        const rise = read(norm, e) * norms[norm.dual].length(g!);
        expect(Math.abs(dot(out, g!) - rise)).toBeLessThanOrEqual(1e-6 * rise);
      }),
    );
    expect(norms[norm.dual].dual).toBe(norm.name);
  });

  // The volume of a ball of radius r goes with r^d, whatever its norm.
  it.each([1, 2, 5, 50])("uniform fills the ball of %i dimensions evenly", (d) => {
    const n = 4000;
    const x = new Float32Array(d).fill(0.25);
    const out = new Float32Array(d);
    const volumes = Array.from({ length: n }, (_, i) => {
      norm.uniform(out, x, 0.1, randomFor(3, i));
      const r = norm.distance(out, x) / 0.1;
      expect(r).toBeLessThanOrEqual(1 + slack(d) / 0.1);
      return r ** d;
    }).sort((a, b) => a - b);
    const ks = Math.max(...volumes.map((v, i) => Math.max(v - i / n, (i + 1) / n - v)));
    // Kolmogorov-Smirnov, p = 0.001.
    expect(ks).toBeLessThan(1.95 / Math.sqrt(n));
  });

  it("uniform prefers no direction", () => {
    const [n, d] = [20_000, 3];
    // E d_i² in the unit ball: linf 1/3, l2 1/(d + 2), l1 2/((d + 1)(d + 2)).
    const variance = { linf: 1 / 3, l2: 1 / (d + 2), l1: 2 / ((d + 1) * (d + 2)), l0: 0 }[norm.name];
    const out = new Float32Array(d);
    const [sums, squares] = [new Float64Array(d), new Float64Array(d)];
    for (let i = 0; i < n; i++) {
      norm.uniform(out, new Float32Array(d), 1, randomFor(4, i));
      for (let j = 0; j < d; j++) {
        sums[j]! += out[j]!;
        squares[j]! += out[j]! ** 2;
      }
    }
    for (let j = 0; j < d; j++) {
      expect(Math.abs(sums[j]! / n)).toBeLessThan(5 * Math.sqrt(variance / n));
      // The fourth moment is below 1, so this is at least five standard errors.
      expect(Math.abs(squares[j]! / n - variance)).toBeLessThan(5 * Math.sqrt(variance / n));
    }
  });

  it("uniform at ε = 0 gives x, and is a function of its stream", () => {
    const x = Float32Array.of(0.1, 0.2, 0.3);
    const draw = (e: number) => {
      const out = new Float32Array(3);
      norm.uniform(out, x, e, randomFor(1, 2));
      return out;
    };
    expect(draw(0)).toEqual(x);
    expect(draw(0.5)).toEqual(draw(0.5));
  });
});

describe("linf", () => {
  it("rounds ε and each sum to float32, as float32 implementations do", () => {
    // numpy: np.float32(0.1) + np.float32(0.3) = 0.4000000059604645; np.float32(0.9) - np.float32(0.3) = 0.5999999642372131
    const x = Float32Array.of(0.1, 0.9, 0.9, 0.1, 0.5);
    expect([...ascended(norms.linf, x, Float32Array.of(1, -1, 1, -1, 0), 0.3)]).toEqual([
      0.4000000059604645, 0.5999999642372131, 1, 0, 0.5,
    ]);
    expect([...projected(norms.linf, Float32Array.of(9, -9, 0.9, 0.1, 0.5), x, 0.3)]).toEqual([
      0.4000000059604645,
      0.5999999642372131,
      Math.fround(0.9),
      Math.fround(0.1),
      0.5,
    ]);
  });

  it("keeps what ascend gives: projecting it changes nothing", () => {
    check(
      fc.property(vectors(pixel, slope), epsilon, ([x, g], e) => {
        const out = ascended(norms.linf, x!, g!, e);
        expect(projected(norms.linf, out, x!, e)).toEqual(out);
      }),
    );
  });
});

describe("l2", () => {
  it("ascend spends on small slopes what large ones cannot use", () => {
    check(
      fc.property(vectors(pixel, slope), epsilon, ([x, g], e) => {
        const steps = bestStep(x!, g!, e, UNIT);
        const out = ascended(norms.l2, x!, g!, e);
        // Near the corner of the box the multiplier is ill-conditioned: compare the length spent, then the elements.
        for (const [i, v] of out.entries())
          expect(Math.abs(Math.abs(v - x![i]!) - steps[i]!)).toBeLessThanOrEqual(2e-6);
      }),
    );
  });
});

describe("spatial", () => {
  it("moves into the box, and nowhere at ε = 0; its distance is the largest change of an element", () => {
    const x = Float32Array.of(0, 0.5, 1);
    expect([...projected(norms.spatial, Float32Array.of(-1, 0.25, 2), x, 0.1, UNIT)]).toEqual([0, 0.25, 1]);
    expect(projected(norms.spatial, Float32Array.of(-1, 0.25, 2), x, 0, UNIT)).toEqual(x);
    expect(norms.spatial.distance(Float32Array.of(0, 0.25, 0.5), x)).toBe(0.5);
  });

  it("has no ball to step or draw in", () => {
    const x = Float32Array.of(0.5);
    expect(() => norms.spatial.ascend(x, x, x, 1, UNIT)).toThrow(/no ball/);
    expect(() => norms.spatial.uniform(x, x, 1, randomFor(0, 0))).toThrow(/no ball/);
  });
});

describe("l0", () => {
  const subsets = (d: number, k: number) =>
    Array.from({ length: 2 ** d }, (_, bits) => bits).filter(
      (bits) => bits.toString(2).replaceAll("0", "").length <= k,
    );

  it("project keeps the elements that moved most: nearest of all subsets", () => {
    check(
      fc.property(vectors(pixel, far), fc.double({ min: 0, max: 10, noNaN: true }), ([x, z], e) => {
        const d = x!.length;
        const kept = (bits: number) => Array.from(z!, (v, i) => ((bits >> i) & 1 ? v : x![i]!));
        const away = (p: ArrayLike<number>) => dot(minus(z!, p), minus(z!, p));
        const nearest = Math.min(...subsets(d, Math.floor(e)).map((bits) => away(kept(bits))));
        expect(away(projected(norms.l0, z!, x!, e))).toBeCloseTo(nearest, 12);
      }),
    );
  });

  it("uniform changes floor(ε) elements, each as often", () => {
    const n = 6000;
    const x = new Float32Array(6).fill(2);
    const counts = new Float64Array(6);
    for (let i = 0; i < n; i++) {
      const out = new Float32Array(6);
      norms.l0.uniform(out, x, 2.7, randomFor(5, i));
      expect(norms.l0.distance(out, x)).toBe(2);
      for (const [j, v] of out.entries()) counts[j]! += Number(v !== 2);
    }
    for (const count of counts) expect(Math.abs(count / n - 1 / 3)).toBeLessThan(5 * Math.sqrt(2 / 9 / n));
  });

  it("changes no more elements than there are", () => {
    const x = Float32Array.of(0.5, 0.5);
    const out = new Float32Array(2);
    norms.l0.uniform(out, x, 7, randomFor(0, 0));
    expect(norms.l0.distance(out, x)).toBe(2);
    expect([...ascended(norms.l0, x, Float32Array.of(1, -1), 7)]).toEqual([1, 0]);
  });
});
