import type { Random } from "../../src/random.ts";
import type { ElementType, Tensor } from "../../src/tensor.ts";

/** A float tensor that differences are taken of. */
export type Real = Tensor<"float32" | "float64">;

/** How far a gradient may be from the slope, relative to the sum of its terms' sizes; and the type's unit of rounding. */
const ACCURACY = {
  float32: { tolerance: 5e-4, unit: 2 ** -24 },
  float64: { tolerance: 1e-7, unit: 2 ** -53 },
};

/** How many roundings of a value its differences are taken to have. */
const ROUNDINGS = 8;
/** The part of a slope below which rounding must stay, or the slope is not known. */
const VISIBLE = 0.02;

/** The smallest step at which values that stay the same say that their slope is 0. */
const FAINTEST = 2 ** -10;

/** Steps to try, in units of the input's size: the largest one at which the slope is settled is taken. */
const STEPS = [-4, -6, -8, -10, -12, -14, -16, -18, -20].map((exponent) => 2 ** exponent);

export const isReal = (t: { readonly type: ElementType | null }): t is Real =>
  t.type === "float32" || t.type === "float64";

/** A power of two of the size of the largest element; 1 where all are zero. */
const sizeOf = (x: Real): number => {
  let largest = 0;
  for (const v of x.data) if (Number.isFinite(v)) largest = Math.max(largest, Math.abs(v));
  return largest === 0 ? 1 : 2 ** Math.ceil(Math.log2(largest));
};

export function map(x: Real, f: (v: number, i: number) => number): Real {
  const data = x.type === "float32" ? new Float32Array(x.data.length) : new Float64Array(x.data.length);
  for (let i = 0; i < data.length; i++) data[i] = f(x.data[i]!, i);
  return { ...x, data } as Real;
}

/**
 * The tensor with every element moved by at most that part of its size, and rounded so that steps from it are exact in
 * float32. One without negative elements stays so: it may be a variance, or the base of a power.
 */
export function nearby(x: Real, distance: number, random: Random): Real {
  const size = sizeOf(x);
  const positive = x.data.every((v) => v >= 0);
  return map(x, (v) => {
    const moved = v + size * distance * (2 * random.uniform() - 1);
    return Math.round((positive ? Math.abs(moved) : moved) * (2 ** 14 / size)) * (size / 2 ** 14);
  });
}

/** A random direction of the size of x: along all elements, or along at most `count` of those `among`. */
export function direction(x: Real, random: Random, count: number, among: readonly number[]): Real {
  const size = sizeOf(x);
  const whole = count >= x.data.length;
  const chosen = new Set(whole ? [] : Array.from({ length: count }, () => among[random.integer(among.length)]));
  return map(x, (_, i) => {
    const eighths = 1 + random.integer(8);
    return whole || chosen.has(i) ? ((random.uniform() < 0.5 ? -1 : 1) * eighths * size) / 8 : 0;
  });
}

/** Random weights of the elements of an output. */
export const weights = (y: Real, random: Random): Real => map(y, () => (1 + random.integer(64)) / 32 - 1.03125);

/**
 * - `agrees`, `differs`: the slope is known, and the gradient is it, or is not.
 * - `unknown`: a kink or a step is near, the function leaves its domain, or rounding hides the slope.
 */
export type Verdict = { readonly kind: "agrees" | "unknown" } | { readonly kind: "differs"; readonly why: string };

/**
 * Compares a gradient of ⟨weights, y⟩ with the slope of the values along `d`. The slope counts as known where five-point
 * differences at two steps give the same, and so do one-sided ones on both sides: next to a kink, one of them does not.
 */
export async function compareSlope(
  d: Real,
  gradient: Real,
  seed: Real,
  along: (t: number) => Promise<Real>,
): Promise<Verdict> {
  const { tolerance, unit } = ACCURACY[d.type];
  const terms = dot(gradient, d, Math.abs);
  const got = dot(gradient, d);
  const at = async (t: number) => (await along(t)).data;
  const base = await at(0);
  let unlike: number | undefined;
  for (const h of STEPS) {
    const nodes = await inTurn([-2 * h, -h, -h / 2, h / 2, h, 2 * h], at);
    const { wide, near, left, right, moved, still } = differences(base, nodes, seed.data, h);
    const scale = Math.max(terms, Math.abs(near));
    const rounding = (ROUNDINGS * unit * moved) / h;
    const allowed = tolerance * scale + rounding;
    if (!(Math.abs(wide - near) <= allowed / 2 && Math.abs(right - left) <= allowed)) continue;
    // What does not change changes by less than its rounding.
    if (scale <= rounding + (unit * still) / h) {
      if (h < FAINTEST) break;
      return { kind: "agrees" };
    }
    if (rounding > VISIBLE * scale) continue;
    if (Math.abs(got - near) <= allowed) return { kind: "agrees" };
    // Between several kinks, differences may look like a slope once, but not twice.
    if (unlike !== undefined && Math.abs(unlike - near) <= allowed)
      return { kind: "differs", why: `⟨gradient, direction⟩ is ${got}, differences give ${near} (step ${h})` };
    unlike = near;
  }
  return { kind: "unknown" };
}

/** ⟨a, b⟩, each term passed through f. */
function dot(a: Real, b: Real, f = (term: number): number => term): number {
  let total = 0;
  for (let i = 0; i < a.data.length; i++) total += f(a.data[i]! * b.data[i]!);
  return total;
}

async function inTurn<T, U>(values: readonly T[], f: (value: T) => Promise<U>): Promise<U[]> {
  const results: U[] = [];
  for (const value of values) results.push(await f(value));
  return results;
}

/**
 * Slopes of ⟨weights, y⟩ at 0, of its values at -2h, -h, -h/2, h/2, h and 2h: five-point ones with the steps h and h/2,
 * and three-point ones of either side; and the size of what moves, and of what does not.
 */
function differences(base: Real["data"], nodes: readonly Real["data"][], seed: Real["data"], h: number) {
  const [m4, m2, m1, p1, p2, p4] = nodes as [...Real["data"][]] & Record<0 | 1 | 2 | 3 | 4 | 5, Real["data"]>;
  const sums = { wide: 0, near: 0, left: 0, right: 0, moved: 0, still: 0 };
  for (const [j, y] of base.entries()) {
    const w = seed[j]!;
    if (nodes.every((node) => node[j] === y)) {
      sums.still += Math.abs(w * y);
      continue;
    }
    sums.wide += (w * (8 * (p2[j]! - m2[j]!) - (p4[j]! - m4[j]!))) / (12 * h);
    sums.near += (w * (8 * (p1[j]! - m1[j]!) - (p2[j]! - m2[j]!))) / (6 * h);
    sums.right += (w * (4 * p2[j]! - 3 * y - p4[j]!)) / (2 * h);
    sums.left += (w * (m4[j]! + 3 * y - 4 * m2[j]!)) / (2 * h);
    sums.moved += Math.abs(w) * Math.max(Math.abs(p4[j]!), Math.abs(m4[j]!), Math.abs(y));
  }
  return sums;
}
