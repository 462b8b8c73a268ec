import { gamma, OWN } from "./rounding.ts";

/** A form z = constant + Σ a·(x - centre) + Σ b·r, in a row of numbers: how far it is off at most, and the sizes of all its parts together. */
export interface Form {
  readonly numbers: Float64Array;
  readonly start: number;
  /** How many numbers it has. */
  readonly wide: number;
  readonly off: number;
  readonly size: number;
}

/** The neurons of open sign over a box, r = max(z, 0), in the order of their layers; each with a line below and one above it. */
export class OpenNeurons {
  /** How large what stands beside each part of a form can be: 1, half the width of each input, the upper end of each r. */
  readonly caps: Float64Array;
  count = 0;
  /** Of the form that was bounded last: what reaches z of each neuron. */
  readonly coefficients: Float64Array;
  /** What the line of each neuron loses of it at most. */
  readonly gaps: Float64Array;
  /** How far the bound is off by what `off` of each neuron says. */
  lost = 0;
  readonly #inputs: number;
  /** The forms of z, one after the other. */
  readonly #forms: Float64Array;
  readonly #start: Int32Array;
  readonly #wide: Int32Array;
  readonly #off: Float64Array;
  readonly #size: Float64Array;
  /** α·z below, and slope·z + rise above. */
  readonly #below: Float64Array;
  readonly #above: Float64Array;
  readonly #rise: Float64Array;
  /** What reaches r, and what the line gains with α. */
  readonly #reach: Float64Array;
  readonly #ascent: Float64Array;
  readonly #at: Float64Array;

  constructor(inputs: number, most: number) {
    const made = (n: number) => new Float64Array(n);
    this.#inputs = inputs;
    this.caps = made(1 + inputs + most).fill(1, 0, 1);
    this.coefficients = made(most);
    this.gaps = made(most);
    this.#forms = made(most * (1 + inputs + most));
    this.#start = new Int32Array(most + 1);
    this.#wide = new Int32Array(most);
    this.#off = made(most);
    this.#size = made(most);
    this.#below = made(most);
    this.#above = made(most);
    this.#rise = made(most);
    this.#reach = made(most);
    this.#ascent = made(most);
    this.#at = made(1 + inputs + most);
  }

  /** The usual lines: below, z itself where more of it is above 0 (Zhang et al. 2018, §3.3); above, through both ends. Gives the neuron's place. */
  add({ numbers, start, wide, off, size }: Form, low: number, high: number): number {
    const place = this.count++;
    const to = this.#start[place]!;
    for (let c = 0; c < wide; c++) this.#forms[to + c] = numbers[start + c]!;
    this.#start[place + 1] = to + wide;
    this.#wide[place] = wide;
    this.#off[place] = off;
    this.#size[place] = size;
    this.#below[place] = high > -low ? 1 : 0;
    const slope = high / (high - low);
    this.#above[place] = slope;
    this.#rise[place] = Math.max(-slope * low, high * (1 - slope)) * (1 + 8 * OWN);
    this.caps[1 + this.#inputs + place] = high;
    return place;
  }

  /**
   * The least value of a form over the box, but for `lost`. Of its numbers, the constant and the slopes by the inputs are then those of a line below it.
   * @param wide how many numbers it has  @param size of all its parts together
   */
  leastOf(form: Float64Array, wide: number, size: number): number {
    const [d, forms, caps] = [this.#inputs, this.#forms, this.caps];
    const open = wide - 1 - d;
    let parts = size;
    let lost = 0;
    for (let place = open - 1; place >= 0; place--) {
      const b = form[1 + d + place]!;
      this.#reach[place] = b;
      const α = this.#below[place]!;
      const rise = this.#rise[place]!;
      const by = b * (b > 0 ? α : this.#above[place]!);
      this.coefficients[place] = by;
      const low = rise / this.#above[place]!;
      this.gaps[place] = b > 0 ? b * Math.max(α * low, (1 - α) * caps[1 + d + place]!) : -b * rise;
      if (b < 0) form[0]! += b * rise;
      parts += Math.abs(by) * this.#size[place]! + Math.abs(b) * rise;
      if (by === 0) continue;
      lost += Math.abs(by) * this.#off[place]!;
      const from = this.#start[place]!;
      const end = this.#wide[place]!;
      for (let c = 0; c < end; c++) form[c]! += by * forms[from + c]!;
    }
    let least = form[0]!;
    for (let i = 1; i <= d; i++) least -= Math.abs(form[i]!) * caps[i]!;
    this.lost = lost * (1 + gamma(open + 2, OWN));
    return least - gamma(4 * open + d + 16, OWN) * parts;
  }

  /**
   * Moves the lines below along the gradient of the bound that was made last (α-CROWN: Xu et al. 2021, https://arxiv.org/abs/2011.13824, §3.2), which is b·z
   * where its line is least. Whether one of them moved.
   */
  raise(form: Float64Array, rate: number): boolean {
    const [d, at] = [this.#inputs, this.#at];
    at[0] = 1;
    for (let i = 1; i <= d; i++) at[i] = form[i]! > 0 ? -this.caps[i]! : this.caps[i]!;
    let largest = 0;
    for (let place = 0; place < this.count; place++) {
      let z = 0;
      const from = this.#start[place]!;
      for (let c = 0; c < this.#wide[place]!; c++) z += this.#forms[from + c]! * at[c]!;
      const b = this.#reach[place]!;
      at[1 + d + place] = b > 0 ? this.#below[place]! * z : this.#above[place]! * z + this.#rise[place]!;
      this.#ascent[place] = b > 0 ? b * z : 0;
      largest = Math.max(largest, Math.abs(this.#ascent[place]!));
    }
    let isMoved = false;
    for (let place = 0; largest > 0 && place < this.count; place++) {
      const α = this.#below[place]!;
      this.#below[place] = Math.min(1, Math.max(0, α + (rate * this.#ascent[place]!) / largest));
      isMoved ||= this.#below[place] !== α;
    }
    return isMoved;
  }

  /** The lines below, to be set again. */
  get below(): Float64Array {
    return this.#below.slice(0, this.count);
  }

  set below(lines: Float64Array) {
    this.#below.set(lines);
  }
}
