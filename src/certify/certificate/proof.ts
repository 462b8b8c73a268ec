import type { Layers } from "./layers.ts";
import { affineStep, curveStep, type Ends, LARGEST, largestStep, type SlopesOf, type Step, type Sum } from "./steps.ts";

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

  /** What Σ c·value over pairs of an element and its c is never below; -∞ where nothing is known. */
  least(value: number, of: readonly (readonly [element: number, c: number])[]): number {
    for (const [element, c] of of) this.#coefficients[value]![element] = c;
    const sum: Sum = { total: 0, size: 0 };
    const reached = new Set([value]);
    const coefficientsOf = (from: number): Float64Array => {
      reached.add(from);
      return this.#coefficients[from]!;
    };
    for (let at = value; at > 0; at--) {
      if (!reached.has(at)) continue;
      this.#steps[at - 1]!.back(this.#coefficients[at]!, sum, coefficientsOf);
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
}
