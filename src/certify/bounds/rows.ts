import type { Ops } from "../../onnx/ops.ts";

/** Rows of coefficients [samples·rows, ...], as many for each sample, beside values of the samples [samples, ...]. */
export class Rows {
  readonly #b: Ops;
  /** int64 [1]: how many samples there are. Undefined with one row for each. */
  readonly #samples: string | undefined;

  /** @param like any value of the samples  @param isOne whether each sample has one row */
  constructor(b: Ops, like: string, isOne = false) {
    this.#b = b;
    this.#samples = isOne ? undefined : b.slice(b.shape(like), [0], [0], [1]);
  }

  /** Σ of the products of each row with what its sample has of a value, [samples, rows, 1]. */
  dot(a: string, value: string): string {
    return this.#b.matmul(this.#split(a, [this.#size(value)]), this.#b.reshape(this.#flat(value), [0, -1, 1]));
  }

  /** Each row times what its sample has of a value, [samples·rows, ...]. */
  times(a: string, value: string): string {
    const b = this.#b;
    if (!this.#samples) return b.mul(a, value);
    const size = this.#size(value);
    const products = b.mul(this.#split(a, [size]), b.reshape(this.#flat(value), [0, 1, size]));
    return b.shaped(b.reshape(products, [-1, ...b.sizes(value, 1)]), b.dims(a));
  }

  /** What the sample of each row has of a value, [samples·rows, ...] in as many rows as `a` has. */
  of(value: string, a: string): string {
    if (!this.#samples) return value;
    const b = this.#b;
    const size = this.#size(value);
    const rows = b.slice(b.shape(this.#split(a, [b.sizes(a, 1).reduce((n, d) => n * d, 1)])), [0], [1], [2]);
    const shape = b.add("Concat", [this.#samples, rows, b.int64([size])], { axis: 0 });
    const spread = b.add("Expand", [b.reshape(this.#flat(value), [0, 1, size]), shape]);
    return b.shaped(b.reshape(spread, [-1, ...b.sizes(value, 1)]), [b.dims(a)[0]!, ...b.sizes(value, 1)]);
  }

  #size(value: string): number {
    return this.#b.sizes(value, 1).reduce((n, d) => n * d, 1);
  }

  #flat(value: string): string {
    return this.#b.reshape(value, [0, this.#size(value)]);
  }

  #split(a: string, rest: readonly number[]): string {
    const b = this.#b;
    if (!this.#samples) return b.reshape(a, [0, 1, ...rest]);
    return b.add("Reshape", [a, b.add("Concat", [this.#samples, b.int64([-1, ...rest])], { axis: 0 })]);
  }
}
