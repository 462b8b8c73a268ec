import type { Ops } from "../../onnx/ops.ts";
import type { Window } from "../../onnx/window.ts";

/** One window over inputs and outputs of fixed sizes, with its padding as numbers. */
export interface FixedWindow extends Window {
  readonly before: readonly number[];
  readonly input: readonly number[];
  readonly output: readonly number[];
}

/** ConvTranspose attributes that send a gradient of size `output` back to exactly the size `input`. */
export function transposeAttributes({ kernel, strides, dilations, before, input, output }: FixedWindow) {
  // What the transposed window covers, minus the input and the padding before it, is cut off at the end (or added).
  const excess = kernel.map((k, i) => (output[i]! - 1) * strides[i]! + (k - 1) * dilations[i]! + 1 - before[i]! - input[i]!);
  return {
    kernel_shape: kernel,
    strides,
    dilations,
    pads: [...before, ...excess.map((e) => Math.max(0, e))],
    output_padding: excess.map((e) => Math.max(0, -e)),
  };
}

/** A window whose sizes are all known. @throws unsupported where they depend on the run */
export function fixWindow(b: Ops, window: Window, x: string, y: string): FixedWindow {
  const [input, output] = [b.sizes(x, 2), b.sizes(y, 2)];
  // Padding is known wherever the sizes are.
  return { ...window, before: window.before as readonly number[], input, output };
}
