import type { Affine, Curve, Largest, Layer } from "./layers.ts";

/** Half the distance of float32 numbers around 1. */
const UNIT = 2 ** -24;
/** Roundings that are not counted as additions: products, and factors that ONNX Runtime folds into weights and biases. */
const FOLDED = 10;
/** What one number loses at most that is too small for float32, also where such numbers count as 0. */
const LOST = 2 ** -124;
/** More than what weights can lose in one sum that become too small for float32 where factors are folded into them. */
const ALL_LOST = 2 ** -40;
/** Products of a layer: of more, the sizes are not sorted. */
const MOST_SORTED = 2 ** 20;
/** Sums of no larger parts stay in the range of float32, also before they are divided or scaled. */
export const LARGEST = 2 ** 60;

/** γₙ = nu/(1 - nu) (Higham 2002, §3.1), a little larger. */
const gamma = (n: number): number => (n < 2 ** 20 ? (1.01 * n * UNIT) / (1 - 2 * n * UNIT) : Number.POSITIVE_INFINITY);

/** Two numbers for each element that it is between. */
export interface Ends {
  readonly lower: Float64Array;
  readonly upper: Float64Array;
}

/** What is added up, and the sizes of all its parts, of which rounding is a share. */
export interface Sum {
  total: number;
  size: number;
}

/** What is known of one layer over a box. */
export interface Step {
  /** Of its value, by intervals. */
  readonly ends: Ends;
  /** Takes coefficients g of its value to those of the values that it reads, and adds what is constant in ⟨g, y⟩ ≥ ⟨A, x⟩ + constant. */
  readonly back: (g: Float64Array, sum: Sum, coefficientsOf: (value: number) => Float64Array) => void;
}

/** The slopes of the lines below and above a curve at one of its elements, or undefined for the usual ones. Any are sound. */
export type SlopesOf = (element: number) => readonly [lower: number, upper?: number] | undefined;

export const add = (sum: Sum, term: number): void => {
  sum.total += term;
  sum.size += Math.abs(term);
};

/** @param own the share of what is added up that float64 stays within */
export function affineStep(layer: Affine & Layer, ends: readonly Ends[], own: number): Step {
  const { parts, bias, biasSize, rounds, size } = layer;
  const [lower, upper] = [bias.slice(), bias.slice()];
  const positive = bias.map((b) => Math.max(0, b));
  const negative = bias.map((b) => Math.max(0, -b));
  const off = new Float64Array(size);
  // A number that is 0 all over the box is added exactly, and does not count.
  const terms = new Uint32Array(size).fill(2);
  for (const { from, matrix } of parts) {
    const { starts, columns, weights } = matrix;
    const x = ends[from]!;
    for (let j = 0; j < size; j++)
      for (let k = starts[j]!; k < starts[j + 1]!; k++) {
        const [w, l, u] = [weights[k]!, x.lower[columns[k]!]!, x.upper[columns[k]!]!];
        const [low, high] = w > 0 ? [w * l, w * u] : [w * u, w * l];
        lower[j]! += low;
        upper[j]! += high;
        if (l !== 0 || u !== 0) terms[j]!++;
        if (high > 0) positive[j]! += high;
        if (low < 0) negative[j]! -= low;
        off[j]! += LOST * (1 + Math.abs(w) + Math.max(Math.abs(l), Math.abs(u)));
      }
  }
  const partials = rounds ? partialsOf(layer, ends) : positive;
  for (let j = 0; j < size; j++) {
    const all = positive[j]! + negative[j]! + (biasSize?.[j] ?? 0);
    const n = terms[j]!;
    // In any order, no partial sum is larger than all that is positive, or all that is negative.
    const sums = Math.min(n * Math.max(positive[j]!, negative[j]!), partials[j]!) + n * gamma(n) * all;
    const network = rounds ? 1.01 * UNIT * sums + FOLDED * UNIT * all + off[j]! + ALL_LOST : 0;
    off[j] = all < LARGEST ? network + own * all : Number.POSITIVE_INFINITY;
    lower[j]! -= off[j]!;
    upper[j]! += off[j]!;
  }
  return {
    ends: { lower, upper },
    back(g, sum, coefficientsOf) {
      for (let j = 0; j < size; j++)
        if (g[j] !== 0) {
          add(sum, g[j]! * bias[j]!);
          add(sum, -Math.abs(g[j]!) * off[j]!);
        }
      for (const { from, matrix } of parts) {
        const { starts, columns, weights } = matrix;
        const a = coefficientsOf(from);
        for (let j = 0; j < size; j++) {
          const c = g[j]!;
          if (c === 0) continue;
          const end = starts[j + 1]!;
          for (let k = starts[j]!; k < end; k++) a[columns[k]!]! += c * weights[k]!;
        }
      }
    },
  };
}

/**
 * What the sizes of all partial sums of each element add up to at most, in any order: one of k numbers is not above the k largest that are positive, nor
 * below the k largest that are negative, and of n - 1 additions no more than k - 1 are of up to k numbers. Infinite where it takes long to tell.
 */
function partialsOf({ parts, bias, size }: Affine & Layer, ends: readonly Ends[]): Float64Array {
  const partials = new Float64Array(size);
  if (parts.reduce((sum, { matrix }) => sum + matrix.weights.length, 0) > MOST_SORTED)
    return partials.fill(Number.POSITIVE_INFINITY);
  for (let j = 0; j < size; j++) {
    const [up, down] = [[Math.max(0, bias[j]!)], [Math.max(0, -bias[j]!)]];
    for (const { from, matrix } of parts) {
      const { starts, columns, weights } = matrix;
      const { lower, upper } = ends[from]!;
      for (let k = starts[j]!; k < starts[j + 1]!; k++) {
        const [a, b] = [weights[k]! * lower[columns[k]!]!, weights[k]! * upper[columns[k]!]!];
        if (a === 0 && b === 0) continue;
        up.push(Math.max(0, a, b));
        down.push(Math.max(0, -a, -b));
      }
    }
    const [positive, negative] = [Float64Array.from(up).sort(), Float64Array.from(down).sort()];
    let [above, below] = [0, 0];
    for (let k = positive.length - 1; k >= 0; k--) {
      above += positive[k]!;
      below += negative[k]!;
      partials[j]! += Math.max(above, below);
    }
  }
  return partials;
}

/** Lines of any slopes: each is moved until it touches the curve, and a little further. */
export function curveStep(curve: Curve & Layer, ends: readonly Ends[], own: number, given?: SlopesOf): Step {
  const { from, size, f } = curve;
  const x = ends[from]!;
  const made = () => new Float64Array(size);
  const [lower, upper, slopeBelow, slopeAbove, below, above] = [made(), made(), made(), made(), made(), made()];
  for (let j = 0; j < size; j++) {
    const [l, u] = [x.lower[j]!, x.upper[j]!];
    const points = [l, u, ...curve.kinks.filter((kink) => l < kink && kink < u)];
    const values = points.map(f);
    const most = Math.max(...values.map(Math.abs));
    // What is 0 at all of these is 0 between them.
    const off = most === 0 ? 0 : curve.relative * most + LOST;
    lower[j] = Math.min(...values) - off;
    upper[j] = Math.max(...values) + off;
    const usual = usualSlopes(curve, l, u);
    const [s, t = usual[1]] = given?.(j) ?? usual;
    const room = off + own * (most + Math.max(Math.abs(s), Math.abs(t)) * Math.max(Math.abs(l), Math.abs(u)));
    below[j] = Math.min(...points.map((z, i) => values[i]! - s * z)) - room;
    above[j] = Math.max(...points.map((z, i) => values[i]! - t * z)) + room;
    [slopeBelow[j], slopeAbove[j]] = [s, t];
  }
  return {
    ends: { lower, upper },
    back(g, sum, coefficientsOf) {
      const a = coefficientsOf(from);
      for (let j = 0; j < size; j++) {
        const c = g[j]!;
        if (c === 0) continue;
        a[j]! += c * (c > 0 ? slopeBelow[j]! : slopeAbove[j]!);
        add(sum, c * (c > 0 ? below[j]! : above[j]!));
      }
    },
  };
}

/** The chord above. Below, where 0 is inside, the steeper piece if more of the interval is above 0 (Zhang et al. 2018, §3.3). */
function usualSlopes({ f, leak }: Curve, l: number, u: number): [lower: number, upper: number] {
  const chord = u > l ? (f(u) - f(l)) / (u - l) : 0;
  if (leak === undefined || !(l < 0 && u > 0)) return [chord, chord];
  return [u > -l ? 1 : leak, chord];
}

/**
 * The largest of a window is not below the element whose lower end is largest, and is that element where no other one can be above it; else
 * it is only known to be below the largest upper end.
 */
export function largestStep({ from, windows, size }: Largest & Layer, ends: readonly Ends[], own: number): Step {
  const x = ends[from]!;
  const [lower, upper, off] = [new Float64Array(size), new Float64Array(size), new Float64Array(size)];
  const best = new Int32Array(size);
  const isSure = new Array<boolean>(size);
  for (let j = 0; j < size; j++) {
    const inside = windows.columns.subarray(windows.starts[j]!, windows.starts[j + 1]!);
    const chosen = inside.reduce((b, c) => (x.lower[c]! > x.lower[b]! ? c : b));
    best[j] = chosen;
    lower[j] = x.lower[chosen]!;
    upper[j] = inside.reduce((most, c) => Math.max(most, x.upper[c]!), Number.NEGATIVE_INFINITY);
    isSure[j] = inside.every((c) => c === chosen || x.upper[c]! <= lower[j]!);
    off[j] = own * Math.max(Math.abs(lower[j]!), Math.abs(upper[j]!));
  }
  return {
    ends: { lower, upper },
    back(g, sum, coefficientsOf) {
      const a = coefficientsOf(from);
      for (let j = 0; j < size; j++) {
        const c = g[j]!;
        if (c === 0) continue;
        if (c > 0 || isSure[j]) a[best[j]!]! += c;
        else add(sum, c * upper[j]!);
        add(sum, -Math.abs(c) * off[j]!);
      }
    },
  };
}
