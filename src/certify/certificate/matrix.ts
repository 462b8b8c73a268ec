import { PerturbError } from "../../errors.ts";
import { product } from "../../tensor.ts";
import type { Sparse } from "./layers.ts";

/** Terms of one layer: 12 bytes each. */
const MOST_WEIGHTS = 2 ** 25;

/** Products of two that are not larger stay in the range of float32. */
const LARGEST = 2 ** 60;

/** Makes a matrix row by row. */
export class Rows {
  readonly #starts: number[] = [0];
  #columns = new Int32Array(64);
  #weights = new Float64Array(64);
  #count = 0;

  add(column: number, weight: number): void {
    if (this.#count === this.#columns.length) this.#grow();
    this.#columns[this.#count] = column;
    this.#weights[this.#count++] = weight;
  }

  end(): void {
    this.#starts.push(this.#count);
  }

  /** @throws unsupported where a weight is not finite, or very large */
  finish(): Sparse {
    const weights = this.#weights.slice(0, this.#count);
    if (!weights.every((w) => Math.abs(w) <= LARGEST))
      throw new PerturbError(
        "unsupported",
        `A weight of the model is no number up to ${LARGEST}, so that it may leave the range of float32, and nothing can be proven of it.`,
      );
    return { starts: Int32Array.from(this.#starts), columns: this.#columns.slice(0, this.#count), weights };
  }

  #grow(): void {
    if (this.#count >= MOST_WEIGHTS)
      throw new PerturbError(
        "unsupported",
        `A layer of the model has more than ${MOST_WEIGHTS} products: it is too large for a certificate.`,
      );
    const [columns, weights] = [this.#columns, this.#weights];
    this.#columns = new Int32Array(2 * this.#count);
    this.#weights = new Float64Array(2 * this.#count);
    this.#columns.set(columns);
    this.#weights.set(weights);
  }
}

/** One term a row: the column that `of` gives, or none where it is below 0, with a weight. */
export function selection(size: number, of: (j: number) => number, weight: (j: number) => number = () => 1): Sparse {
  const rows = new Rows();
  for (let j = 0; j < size; j++) {
    const column = of(j);
    if (column >= 0) rows.add(column, weight(j));
    rows.end();
  }
  return rows.finish();
}

/** Σ over k of x[r, k]·w(k, m), for rows r of `inner` elements each. */
export function dense(rows: number, inner: number, outer: number, w: (k: number, m: number) => number): Sparse {
  const made = new Rows();
  for (let r = 0; r < rows; r++)
    for (let m = 0; m < outer; m++) {
      for (let k = 0; k < inner; k++) made.add(r * inner + k, w(k, m));
      made.end();
    }
  return made.finish();
}

/** The indices along each axis of the element at place `at` of a shape. */
export function indices(dims: readonly number[], at: number): number[] {
  const all = new Array<number>(dims.length);
  let rest = at;
  for (let d = dims.length - 1; d >= 0; d--) {
    all[d] = rest % dims[d]!;
    rest = Math.floor(rest / dims[d]!);
  }
  return all;
}

/** The place of the element with these indices. */
export const place = (dims: readonly number[], index: readonly number[]): number =>
  dims.reduce((at, d, i) => at * d + index[i]!, 0);

/** The place in a shape that is broadcast to another of what stands at place `at` there. */
export function broadcastPlace(dims: readonly number[], to: readonly number[], at: number): number {
  const index = indices(to, at).slice(to.length - dims.length);
  return place(
    dims,
    index.map((i, d) => (dims[d] === 1 ? 0 : i)),
  );
}

/** The shape of two that are broadcast. @throws mismatch */
export function broadcast(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const [x, y] = [a[a.length - rank + i] ?? 1, b[b.length - rank + i] ?? 1];
    if (x !== y && x !== 1 && y !== 1)
      throw new PerturbError("mismatch", `Shapes [${a}] and [${b}] of one node do not fit each other.`);
    return x === 1 ? y : x;
  });
}

/** An element of the input inside of a window, and its place in the kernel. */
export interface Tap {
  readonly at: number;
  readonly k: number;
}

export interface Sliding {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly before: readonly number[];
  readonly output: readonly number[];
}

/** What is inside of a window at each of its positions over an input. */
export function tapsOf({ kernel, strides, dilations, before, output }: Sliding, input: readonly number[]): Tap[][] {
  const offsets = Array.from({ length: product(kernel) }, (_, k) => indices(kernel, k));
  return Array.from({ length: product(output) }, (_, p) => {
    const at = indices(output, p);
    return offsets.flatMap((offset, k) => {
      const index = offset.map((o, d) => at[d]! * strides[d]! + o * dilations[d]! - before[d]!);
      return index.every((i, d) => i >= 0 && i < input[d]!) ? [{ at: place(input, index), k }] : [];
    });
  });
}
