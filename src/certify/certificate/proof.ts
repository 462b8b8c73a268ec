import type { Layers } from "./layers.ts";
import {
  add,
  affineStep,
  curveStep,
  type Ends,
  LARGEST,
  largestStep,
  type SlopesOf,
  type Step,
  type Sum,
} from "./steps.ts";

/** What is taken to be so in a part of the box. */
export interface Assumed {
  /** Elements of values whose sign is known, each with a push: a factor, not below 0, of what is taken off for it. */
  readonly signs: readonly {
    readonly value: number;
    readonly element: number;
    readonly sign: 1 | -1;
    readonly push: number;
  }[];
  /** By value: the slopes of lines of the curves that read it, where a sign stays open. */
  readonly slopes: ReadonlyMap<number, SlopesOf>;
}

/**
 * Bounds of the values of a network over a box, in float64 with plain loops. Each holds for what float32 computes, in any order of
 * summation: every sum of the network may be off by γ of the sizes of what it adds up, and the sums here by their own share of it.
 * Intervals go forwards (Gowal et al. 2018, https://arxiv.org/abs/1810.12715, §3), lines backwards (Zhang et al. 2018,
 * https://arxiv.org/abs/1811.00866, theorem 3.2).
 */
export class Proof {
  /** Of every value, as far as `next` has come. */
  readonly ends: Ends[];
  readonly #network: Layers;
  readonly #steps: Step[] = [];
  /** Coefficients of each value, all 0 between two calls. */
  readonly #coefficients: Float64Array[];
  /** γ of float64 for sums over all values, with room for more than one use of each. */
  readonly #own: number;

  constructor(network: Layers, { lower, upper }: { readonly lower: Float32Array; readonly upper: Float32Array }) {
    this.#network = network;
    this.#own = 2 ** -50 * (network.layers.reduce((n, { size }) => n + size, network.inputs) + 64);
    this.ends = [{ lower: Float64Array.from(lower), upper: Float64Array.from(upper) }];
    this.#coefficients = [new Float64Array(network.inputs)];
  }

  /** Bounds one more value by intervals. Gives false where it may leave the range of float32, and nothing can be proven. */
  next(slopes?: SlopesOf): boolean {
    const layer = this.#network.layers[this.#steps.length]!;
    const step =
      layer.kind === "affine"
        ? affineStep(layer, this.ends, this.#own)
        : layer.kind === "curve"
          ? curveStep(layer, this.ends, this.#own, slopes)
          : largestStep(layer, this.ends, this.#own);
    this.#steps.push(step);
    this.ends.push(step.ends);
    this.#coefficients.push(new Float64Array(layer.size));
    const { lower, upper } = step.ends;
    return lower.every((v) => Math.abs(v) < LARGEST) && upper.every((v) => Math.abs(v) < LARGEST);
  }

  /** Takes ends of one element that are known to hold, where they are closer. */
  narrow(value: number, element: number, lower: number, upper: number): void {
    const ends = this.ends[value]!;
    ends.lower[element] = Math.max(ends.lower[element]!, lower);
    ends.upper[element] = Math.min(ends.upper[element]!, upper);
  }

  /**
   * What Σ c·value over pairs of an element and its c is never below; -∞ where nothing is known. In a part of the box, where an element z has the sign s,
   * it is not below Σ c·value - push·s·z either, of which lines make a better bound (Wang et al. 2021, https://arxiv.org/abs/2103.06624, §3.1).
   */
  least(value: number, of: readonly (readonly [element: number, c: number])[], assumed?: Assumed): number {
    for (const [element, c] of of) this.#coefficients[value]![element] = c;
    const sum: Sum = { total: 0, size: 0 };
    const reached = new Set([value]);
    for (const { value: at, element, sign, push } of assumed?.signs ?? []) {
      if (!(push >= 0) || at >= value) return this.#nothing(reached);
      reached.add(at);
      this.#coefficients[at]![element]! -= push * sign;
      const { lower, upper } = this.ends[at]!;
      add(sum, -this.#own * push * Math.max(Math.abs(lower[element]!), Math.abs(upper[element]!)));
    }
    const steps = assumed ? this.#stepsUnder(assumed) : this.#steps;
    const coefficientsOf = (from: number): Float64Array => {
      reached.add(from);
      return this.#coefficients[from]!;
    };
    for (let at = value; at > 0; at--) {
      if (!reached.has(at)) continue;
      steps[at - 1]!.back(this.#coefficients[at]!, sum, coefficientsOf);
      this.#coefficients[at]!.fill(0);
    }
    const a = this.#coefficients[0]!;
    const { lower, upper } = this.ends[0]!;
    for (let j = 0; j < a.length; j++) {
      const term = a[j]! > 0 ? a[j]! * lower[j]! : a[j]! * upper[j]!;
      sum.total += term;
      sum.size += Math.abs(term);
    }
    a.fill(0);
    const bound = sum.total - this.#own * sum.size;
    return Number.isFinite(bound) ? bound : Number.NEGATIVE_INFINITY;
  }

  /** No bound, with all coefficients 0 again. */
  #nothing(reached: ReadonlySet<number>): number {
    for (const value of reached) this.#coefficients[value]!.fill(0);
    return Number.NEGATIVE_INFINITY;
  }

  /** The steps of all layers in a part of the box: other lines of curves, and all else as in the whole box. */
  #stepsUnder({ signs, slopes }: Assumed): Step[] {
    const ends = this.ends.slice();
    const known = new Map<number, Set<number>>();
    for (const { value, element, sign } of signs) {
      if (!known.has(value)) {
        known.set(value, new Set());
        ends[value] = { lower: ends[value]!.lower.slice(), upper: ends[value]!.upper.slice() };
      }
      known.get(value)!.add(element);
      const { lower, upper } = ends[value]!;
      // Ends that already say the opposite stay: there is no such input, or its element is 0.
      if (sign === 1 && upper[element]! >= 0) lower[element] = Math.max(0, lower[element]!);
      if (sign === -1 && lower[element]! <= 0) upper[element] = Math.min(0, upper[element]!);
    }
    return this.#steps.map((step, i) => {
      const layer = this.#network.layers[i]!;
      if (layer.kind !== "curve" || !(known.has(layer.from) || slopes.has(layer.from))) return step;
      const own = slopes.get(layer.from);
      return curveStep(layer, ends, this.#own, (element) =>
        known.get(layer.from)?.has(element) ? undefined : own?.(element),
      );
    });
  }
}
