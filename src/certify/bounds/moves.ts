const [β1, β2] = [0.9, 0.999];

/**
 * Moves points of a box down a function by Adam (Kingma and Ba 2015, https://arxiv.org/abs/1412.6980, Algorithm 1), in units of half the width of
 * each element. Where a function is bent in many places, it goes on where steps of the sign turn back and forth.
 */
export class Moves {
  readonly #lower: Float32Array;
  readonly #upper: Float32Array;
  readonly #mean: Float64Array;
  readonly #square: Float64Array;
  #steps = 0;

  /** @param size numbers that are moved: of points one after the other, each in the same box */
  constructor(size: number, { lower, upper }: { readonly lower: Float32Array; readonly upper: Float32Array }) {
    this.#lower = lower;
    this.#upper = upper;
    this.#mean = new Float64Array(size);
    this.#square = new Float64Array(size);
  }

  /** One step against the gradient. @param share how far at most, of half the box */
  step(x: Float32Array, gradient: ArrayLike<number>, share: number): void {
    this.#steps++;
    const [whole, wholeSquare] = [1 - β1 ** this.#steps, 1 - β2 ** this.#steps];
    for (let at = 0; at < x.length; at++) {
      const g = gradient[at]!;
      const mean = β1 * this.#mean[at]! + (1 - β1) * g;
      const square = β2 * this.#square[at]! + (1 - β2) * g * g;
      this.#mean[at] = mean;
      this.#square[at] = square;
      if (!(square > 0)) continue;
      const i = at % this.#lower.length;
      const [lower, upper] = [this.#lower[i]!, this.#upper[i]!];
      const by = (share * ((upper - lower) / 2) * (mean / whole)) / Math.sqrt(square / wholeSquare);
      x[at] = Math.min(upper, Math.max(lower, Math.fround(x[at]! - by)));
    }
  }
}
