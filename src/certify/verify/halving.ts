import { middle } from "../bounds/box.ts";

/** A part of the box, [size]. */
export interface Domain {
  readonly lower: Float32Array;
  readonly upper: Float32Array;
}

/** The line that bounds a domain: how much it changes with each input, and how far it is below the network at the centre. */
export interface LeftOpen {
  readonly slope: Float32Array;
  readonly above: number;
}

/** Chooses the input along which a domain is halved. */
export class Halving {
  /** Σ |slopes| of all bounds so far: what a change of each input tends to do. */
  readonly #slopes: Float64Array;

  constructor(size: number) {
    this.#slopes = new Float64Array(size);
  }

  /**
   * Two halves along the input that costs the bound most. What a line loses from the centre to the edge of the box, it loses by the width times the
   * slope of each input. The rest are gaps of the nodes before, which become smaller with any input; that is shared out by width and usual slope, because a
   * slope itself says nothing of gaps. Undefined where no float32 number is between any ends.
   */
  of({ lower, upper }: Domain, { slope, above }: LeftOpen): [Domain, Domain] | undefined {
    const widths = Float64Array.from(lower, (l, i) => upper[i]! - l);
    const steepness = Float64Array.from(slope, (a) => (Number.isFinite(a) ? Math.abs(a) : 0));
    for (const [i, a] of steepness.entries()) this.#slopes[i]! += a;
    const byLine = steepness.map((a, i) => (a * widths[i]!) / 2);
    const usual = this.#slopes.map((a, i) => a * widths[i]!);
    const share = (above - sum(byLine)) / sum(usual);
    let [at, most] = [-1, -1];
    for (const [i, width] of widths.entries()) {
      const centre = middle(lower[i]!, upper[i]!);
      if (!(lower[i]! < centre && centre < upper[i]!)) continue;
      // Also where nothing is known of any slope, the widest one.
      const cost = byLine[i]! + (share > 0 && share < Number.POSITIVE_INFINITY ? share * usual[i]! : 0) + 1e-12 * width;
      if (cost > most) [at, most] = [i, cost];
    }
    if (at < 0) return undefined;
    const centre = middle(lower[at]!, upper[at]!);
    return [
      { lower, upper: upper.with(at, centre) },
      { lower: lower.with(at, centre), upper },
    ];
  }
}

const sum = (values: Float64Array): number => values.reduce((all, v) => all + v, 0);
