import { PerturbError } from "../../errors.ts";
import { describeDims } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import type { Window } from "../../onnx/window.ts";
import { product } from "../../tensor.ts";

/** One window over inputs and outputs of fixed sizes, with its padding as numbers. */
export interface FixedWindow extends Window {
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly input: readonly number[];
  readonly output: readonly number[];
}

/** A window along one axis. */
export interface Line {
  readonly axis: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  readonly input: number;
  readonly output: number;
}

/** What a window is along spatial axis i. */
export const lineOf = (w: FixedWindow, i: number): Line => ({
  axis: i + 2,
  kernel: w.kernel[i]!,
  stride: w.strides[i]!,
  dilation: w.dilations[i]!,
  before: w.before[i]!,
  input: w.input[i]!,
  output: w.output[i]!,
});

/** ConvTranspose attributes that send a gradient of size `output` back to exactly the size `input`. */
export function transposeAttributes({ kernel, strides, dilations, before, input, output }: FixedWindow) {
  // What the transposed window covers, minus the input and the padding before it, is cut off at the end (or added).
  const excess = kernel.map(
    (k, i) => (output[i]! - 1) * strides[i]! + (k - 1) * dilations[i]! + 1 - before[i]! - input[i]!,
  );
  return {
    kernel_shape: kernel,
    strides,
    dilations,
    pads: [...before, ...excess.map((e) => Math.max(0, e))],
    output_padding: excess.map((e) => Math.max(0, -e)),
  };
}

/** Elements a sample beyond which a window is not spelled out: its sizes come from a file that may be hostile. */
const MAX_ELEMENTS = 2 ** 25;

/** A window whose sizes are all known. @throws unsupported where they depend on the run, or are beyond reason */
export function fixWindow(b: Ops, window: Window, x: string, y: string): FixedWindow {
  const [input, output] = [b.sizes(x, 2), b.sizes(y, 2)];
  const channels = b.sizes(x, 1)[0]!;
  const largest = Math.max(...[input, output, window.kernel].map((sizes) => channels * product(sizes)));
  if (largest > MAX_ELEMENTS)
    throw new PerturbError(
      "unsupported",
      `"${x}" is ${describeDims(b.dims(x))}, and the gradient of a window over it would take ${largest} elements a sample, of ${MAX_ELEMENTS} allowed. Check the model's sizes.`,
    );
  // Padding is known wherever the sizes are.
  const { before, after } = window as FixedWindow;
  return { ...window, before, after, input, output };
}

/** All [i, j, …] with i < counts[0], j < counts[1], …, in row-major order. */
export const positions = (counts: readonly number[]): number[][] =>
  counts.reduce<number[][]>((all, n) => all.flatMap((head) => Array.from({ length: n }, (_, i) => [...head, i])), [[]]);

/** Zeros before and after one axis; negative amounts cut off. */
export function shift(b: Ops, value: string, axis: number, before: number, after: number): string {
  const size = b.size(value, axis);
  const [start, end] = [Math.max(0, -before), size - Math.max(0, -after)];
  const inner = start === 0 && end === size ? value : b.slice(value, [axis], [start], [end]);
  const at = (amount: number) => b.dims(value).map((_, i) => (i === axis ? Math.max(0, amount) : 0));
  return b.pad(inner, at(before), at(after));
}

/** Values of one shape, [n, …sizes], whose elements along `axis` take turns: the first of each, then the second of each, … */
export function interleave(b: Ops, parts: readonly string[], axis: number): string {
  const [first] = parts;
  if (parts.length === 1) return first!;
  const sizes = b.sizes(first!, 1);
  const isLast = axis === sizes.length;
  const columns = isLast ? parts.map((part) => b.unsqueeze(part, [axis + 1])) : parts;
  // Whole rows side by side are rows one after the other.
  const joined = b.add("Concat", columns, { axis: axis + 1 });
  return b.reshape(joined, [-1, ...sizes.map((size, i) => (i === axis - 1 ? size * parts.length : size))]);
}
