import type { Ops } from "../../onnx/ops.ts";
import { product } from "../../tensor.ts";
import { type FixedWindow, transposeAttributes } from "./window.ts";

/** ∂/∂x of a convolution with weights [M, C/G, k…] and output gradient g [n, M, …]. */
export function byInput(b: Ops, g: string, w: string, window: FixedWindow, groups: number): string {
  if (isFasterFlipped(b.sizes(w), window, groups)) return byFlippedWeights(b, g, w, window, groups);
  return b.add("ConvTranspose", [g, w], { ...transposeAttributes(window), group: groups });
}

/**
 * Where runtimes have better kernels for a convolution than for its transpose: blocks of channels, and few channels a
 * group. Measured on ONNX Runtime (bench/convolution.js): 0.1 to 0.9 of the time there, up to 12 times it elsewhere.
 */
function isFasterFlipped(
  [filters, perGroup]: readonly number[],
  { strides, kernel }: FixedWindow,
  groups: number,
): boolean {
  if (strides.some((s) => s !== 1) || product(kernel) === 1) return false;
  return groups > 1 || (filters! % 16 === 0 && perGroup! % 16 === 0);
}

/** With stride 1: a convolution of g by the weights with their channels exchanged and every axis reversed. */
function byFlippedWeights(b: Ops, g: string, w: string, window: FixedWindow, groups: number): string {
  const { kernel, dilations, before, input, output } = window;
  const [filters, channels] = b.sizes(w) as [number, number];
  const split = b.reshape(w, [groups, filters / groups, channels, ...kernel]);
  const exchanged = b.transpose(split, [0, 2, 1, ...kernel.map((_, i) => i + 3)]);
  const joined = b.reshape(exchanged, [groups * channels, filters / groups, ...kernel]);
  const flipped = kernel.reduce((value, size, i) => reverse(b, value, i + 2, size), joined);
  // Where the window reaches beyond g there are zeros; what it never meets is cut off.
  const low = kernel.map((k, i) => (k - 1) * dilations[i]! - before[i]!);
  const high = kernel.map((k, i) => input[i]! - output[i]! - low[i]! + (k - 1) * dilations[i]!);
  const cut = (pads: readonly number[]) => [0, 0, ...pads.map((p) => Math.min(0, p))];
  return b.add("Conv", [b.pad(g, cut(low), cut(high)), flipped], {
    kernel_shape: kernel,
    dilations,
    pads: [...low, ...high].map((p) => Math.max(0, p)),
    group: groups,
  });
}

const reverse = (b: Ops, value: string, axis: number, size: number): string =>
  size === 1 ? value : b.add("Gather", [value, b.int64([...Array(size).keys()].reverse())], { axis });
