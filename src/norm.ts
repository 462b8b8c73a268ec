import type { Random } from "./random.ts";

export type NormName = "linf" | "l2" | "l1" | "l0";

/** The values that an element may take. */
export interface Box {
  readonly lower: number;
  readonly upper: number;
}

/** One norm, as a value. Every function works on one sample, sums in float64, and changes nothing but `out`. */
export interface Norm {
  readonly name: NormName;
  /** The dual norm: its length of the gradient is the first-order rise per unit of ε. */
  readonly dual: NormName;
  /** ‖a - b‖ */
  distance(a: Float32Array, b: Float32Array): number;
  /** ‖v‖ */
  length(v: Float32Array): number;
  /**
   * The point of the ball around `x` nearest to `out` in the Euclidean sense, then moved into the box, which only brings
   * it nearer to `x`; into `out`.
   */
  project(out: Float32Array, x: Float32Array, epsilon: number, box: Box): void;
  /** The maximiser of ⟨g, x'⟩ over the ball around `x` cut by the box, into `out`: the exact first-order step. */
  ascend(out: Float32Array, x: Float32Array, g: Float32Array, epsilon: number, box: Box): void;
  /** A point drawn uniformly from the ball around `x` (not cut by any box), into `out`. */
  uniform(out: Float32Array, x: Float32Array, epsilon: number, random: Random): void;
}

const clamp = (v: number, low: number, high: number): number => (v < low ? low : v > high ? high : v);

const clampInto = (out: Float32Array, { lower, upper }: Box): void => {
  for (let i = 0; i < out.length; i++) out[i] = clamp(out[i]!, lower, upper);
};

/** The sum of f(a_i - b_i). */
const sumOf = (a: Float32Array, b: Float32Array | undefined, f: (d: number) => number): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += f(b ? a[i]! - b[i]! : a[i]!);
  return sum;
};

/** Indices by falling magnitude; the first of equals comes first. */
const byMagnitude = (v: ArrayLike<number>): Uint32Array => {
  const order = Uint32Array.from({ length: v.length }, (_, i) => i);
  return order.sort((i, j) => Math.abs(v[j]!) - Math.abs(v[i]!) || i - j);
};

/** How many elements are found one by one before all are sorted. */
const FEW = 8;

/** The order of `byMagnitude`, one by one: a step of an attack needs only the first few. */
function* steepestFirst(g: Float32Array): Generator<number> {
  let last = Number.POSITIVE_INFINITY;
  let at = -1;
  for (let k = 0; k < FEW; k++) {
    let next = -1;
    let most = -1;
    for (let i = 0; i < g.length; i++) {
      const v = Math.abs(g[i]!);
      if (v > most && (v < last || (v === last && i > at))) [most, next] = [v, i];
    }
    if (next < 0) return;
    [last, at] = [most, next];
    yield next;
  }
  yield* byMagnitude(g).subarray(FEW);
}

/** The room that element i has in the direction of g_i before it leaves the box. */
const room = (x: number, g: number, box: Box): number => (g > 0 ? box.upper - x : g < 0 ? x - box.lower : 0);

/** max |v_i|. ε and the edges of the ball are rounded to float32, as in every float32 implementation of FGSM. */
export const linf: Norm = {
  name: "linf",
  dual: "l1",
  distance(a, b) {
    let most = 0;
    for (let i = 0; i < a.length; i++) {
      const d = Math.abs(a[i]! - b[i]!);
      if (d > most) most = d;
      else if (Number.isNaN(d)) return d;
    }
    return most;
  },
  length: (v) => v.reduce((most, d) => Math.max(most, Math.abs(d)), 0),
  project(out, x, epsilon, { lower, upper }) {
    const e = Math.fround(epsilon);
    for (let i = 0; i < out.length; i++) {
      const low = Math.fround(x[i]! - e);
      const high = Math.fround(x[i]! + e);
      let v = out[i]!;
      if (v < low) v = low;
      else if (v > high) v = high;
      if (v < lower) v = lower;
      else if (v > upper) v = upper;
      out[i] = v;
    }
  },
  ascend(out, x, g, epsilon, { lower, upper }) {
    const e = Math.fround(epsilon);
    // The sign bit chooses without a branch: no processor predicts the signs of gradients, and this is the hot loop.
    const bits = new Int32Array(g.buffer, g.byteOffset, g.length);
    for (let i = 0; i < out.length; i++) {
      const p = x[i]!;
      let up = p + e;
      if (up > upper) up = upper;
      let down = p - e;
      if (down < lower) down = lower;
      const magnitude = (bits[i]! << 1) >>> 0;
      // No sign: zero, or NaN (which lies above infinity), both of which leave the pixel where it is.
      const still = magnitude === 0 || magnitude > 0xff000000;
      out[i] = still ? p : up + (down - up) * (bits[i]! >>> 31);
    }
  },
  uniform(out, x, epsilon, random) {
    for (let i = 0; i < out.length; i++) out[i] = x[i]! + epsilon * (2 * random.uniform() - 1);
  },
};

/** √Σ v_i² */
export const l2: Norm = {
  name: "l2",
  dual: "l2",
  distance: (a, b) => Math.sqrt(sumOf(a, b, (d) => d * d)),
  length: (v) => Math.sqrt(sumOf(v, undefined, (d) => d * d)),
  project(out, x, epsilon, box) {
    const distance = l2.distance(out, x);
    const scale = distance <= epsilon ? 1 : epsilon / distance;
    for (let i = 0; i < out.length; i++)
      out[i] = clamp(scale === 1 ? out[i]! : x[i]! + (out[i]! - x[i]!) * scale, box.lower, box.upper);
  },
  /** d = λg, cut where it meets the box; λ grows until ‖d‖ = ε. Elements that meet the box only ever become more. */
  ascend(out, x, g, epsilon, box) {
    const stuck = new Uint8Array(g.length);
    let scale = 0;
    for (let changed = true; changed; ) {
      changed = false;
      let budget = epsilon * epsilon;
      let slope = 0;
      // Summed anew each time: what is left of a difference would hide the smallest slopes.
      for (let i = 0; i < g.length; i++) {
        if (stuck[i]) budget -= room(x[i]!, g[i]!, box) ** 2;
        else slope += g[i]! * g[i]!;
      }
      if (slope === 0) break;
      scale = Math.sqrt(Math.max(0, budget) / slope);
      for (let i = 0; i < g.length; i++) {
        if (stuck[i] || scale * Math.abs(g[i]!) <= room(x[i]!, g[i]!, box)) continue;
        stuck[i] = 1;
        changed = true;
      }
    }
    for (let i = 0; i < g.length; i++) {
      const step = stuck[i] ? room(x[i]!, g[i]!, box) * Math.sign(g[i]!) : scale * g[i]!;
      out[i] = clamp(x[i]! + step, box.lower, box.upper);
    }
  },
  uniform(out, x, epsilon, random) {
    const direction = Float64Array.from(out, () => random.normal());
    const length = Math.sqrt(direction.reduce((sum, v) => sum + v * v, 0)) || 1;
    const radius = epsilon * random.uniform() ** (1 / out.length);
    for (let i = 0; i < out.length; i++) out[i] = x[i]! + (direction[i]! / length) * radius;
  },
};

/** Σ |v_i| */
export const l1: Norm = {
  name: "l1",
  dual: "linf",
  distance: (a, b) => sumOf(a, b, Math.abs),
  length: (v) => sumOf(v, undefined, Math.abs),
  /** Soft thresholding with the threshold that meets ε (Duchi et al. 2008, https://doi.org/10.1145/1390156.1390191, fig. 1). */
  project(out, x, epsilon, box) {
    // Rounding of the threshold must not leave a trace of what was there.
    if (epsilon === 0) out.set(x);
    if (l1.distance(out, x) <= epsilon) return clampInto(out, box);
    const magnitudes = new Float64Array(out.length);
    for (let i = 0; i < out.length; i++) magnitudes[i] = Math.abs(out[i]! - x[i]!);
    magnitudes.sort();
    let sum = 0;
    let threshold = 0;
    for (let k = 1; k <= out.length; k++) {
      const u = magnitudes[out.length - k]!;
      sum += u;
      const candidate = (sum - epsilon) / k;
      if (u >= candidate) threshold = candidate;
    }
    for (let i = 0; i < out.length; i++) {
      const d = out[i]! - x[i]!;
      out[i] = x[i]! + Math.sign(d) * Math.max(0, Math.abs(d) - threshold);
    }
    clampInto(out, box);
  },
  /** The whole budget on the steepest element until it meets the box, then on the next. */
  ascend(out, x, g, epsilon, box) {
    out.set(x);
    let budget = epsilon;
    for (const i of steepestFirst(g)) {
      if (budget <= 0 || g[i] === 0) break;
      const step = Math.min(budget, room(x[i]!, g[i]!, box));
      out[i] = clamp(x[i]! + Math.sign(g[i]!) * step, box.lower, box.upper);
      budget -= step;
    }
  },
  /** Exponential gaps with random signs, one gap left over: uniform in the ball. */
  uniform(out, x, epsilon, random) {
    const gaps = Float64Array.from({ length: out.length + 1 }, () => -Math.log(1 - random.uniform()));
    const total = gaps.reduce((sum, v) => sum + v, 0);
    for (let i = 0; i < out.length; i++)
      out[i] = x[i]! + (random.uniform() < 0.5 ? -1 : 1) * epsilon * (gaps[i]! / total);
  },
};

/** The number of elements that differ; ε counts elements. Its ball has no gradient step of finite size without a box. */
export const l0: Norm = {
  name: "l0",
  dual: "linf",
  distance: (a, b) => sumOf(a, b, (d) => Math.abs(Math.sign(d))),
  length: (v) => sumOf(v, undefined, (d) => Math.abs(Math.sign(d))),
  project(out, x, epsilon, box) {
    clampInto(out, box);
    const order = byMagnitude(Float64Array.from(out, (v, i) => v - x[i]!));
    for (const i of order.subarray(Math.floor(epsilon))) out[i] = x[i]!;
  },
  ascend(out, x, g, epsilon, box) {
    out.set(x);
    const gains = Float64Array.from(g, (v, i) => Math.abs(v) * room(x[i]!, v, box));
    for (const i of byMagnitude(gains).subarray(0, Math.floor(epsilon)))
      if (gains[i]! > 0) out[i] = g[i]! > 0 ? box.upper : box.lower;
  },
  uniform(out, x, epsilon, random) {
    out.set(x);
    const order = Uint32Array.from({ length: out.length }, (_, i) => i);
    for (let k = 0; k < Math.min(Math.floor(epsilon), out.length); k++) {
      const other = k + random.integer(out.length - k);
      [order[k], order[other]] = [order[other]!, order[k]!];
      out[order[k]!] = random.uniform();
    }
  },
};

/** Every norm by its name. */
export const norms = { linf, l2, l1, l0 } as const satisfies Record<NormName, Norm>;
