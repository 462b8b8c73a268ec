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
