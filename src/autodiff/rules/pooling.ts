import type { AttributeValue } from "../../onnx/attributes.ts";
import type { Ops } from "../../onnx/ops.ts";
import { resolveWindow } from "../../onnx/window.ts";
import { product, tensor } from "../../tensor.ts";
import type { RuleContext, Rules } from "../rule.ts";
import { type FixedWindow, fixWindow, transposeAttributes } from "./window.ts";

/** The whole gradient goes to the first maximum of a window, in row-major order, as PyTorch. */
function maxPoolGradient({ node, x: [x], y, g, b }: RuleContext): string[] {
  const window = fixWindow(b, resolveWindow(node, node.attributes.ints("kernel_shape", []), b.sizes(x!, 2)), x!, y);
  const indices = b.opset >= 11 && tilesByTwo(window) ? indicesOfPairs(b, x!, y, window) : b.extraOutput(node, 1);
  return [scatter(b, g, indices, x!, window)];
}

/** Windows of 2 x 2 that tile the input without a remainder: the pool of most networks. */
const tilesByTwo = ({ kernel, strides, dilations, before, input, output }: FixedWindow): boolean =>
  kernel.length === 2 && [0, 1].every((i) => kernel[i] === 2 && strides[i] === 2 && dilations[i] === 1 && before[i] === 0 && input[i] === 2 * output[i]!);

/**
 * What the Indices output of a 2 x 2 MaxPool gives, from pools without it: three times as fast in ONNX Runtime, whose
 * MaxPool has no vectorised path with indices. The maximum is in the second row when that of the first row is less; it is
 * in the second column when the elements of the first column, down to that row, are less.
 */
function indicesOfPairs(b: Ops, x: string, y: string, { input: [height, width], output: [rows, columns] }: FixedWindow): string {
  const less = (kernel: readonly number[]) => b.add("Less", [b.add("MaxPool", [x], { kernel_shape: kernel, strides: [2, 2] }), y]);
  const int64 = (value: number) => b.constant(tensor("int64", [], BigInt64Array.of(BigInt(value))));
  const [inFirst, inSecond] = [b.where(less([1, 1]), int64(1), int64(0)), b.where(less([2, 1]), int64(width! + 1), int64(width!))];
  const offset = b.where(less([1, 2]), inSecond, inFirst);
  const channels = b.sizes(x, 1)[0]!;
  const corners = Array.from({ length: channels * rows! * columns! }, (_, p) => {
    const [plane, row, column] = [Math.floor(p / (rows! * columns!)), Math.floor(p / columns!) % rows!, p % columns!];
    return plane * height! * width! + row * 2 * width! + column * 2;
  });
  const corner = b.constant(tensor("int64", [1, channels, rows!, columns!], BigInt64Array.from(corners, BigInt)));
  const batch = b.add("Gather", [b.shape(x), int64(0)]);
  const samples = b.mul(b.add("Range", [int64(0), batch, int64(1)]), int64(channels * height! * width!));
  return b.plus(offset, b.plus(corner, b.reshape(samples, [-1, 1, 1, 1])));
}

/**
 * Puts each gradient at its index. MaxUnpool writes and does not add, so overlapping windows are taken apart into
 * interleaved sets that do not overlap, one a phase, and these are summed.
 */
function scatter(b: Ops, g: string, indices: string, x: string, { kernel, strides, dilations, output }: FixedWindow): string {
  const spans = kernel.map((k, i) => (k - 1) * dilations[i]! + 1);
  const phases = spans.map((span, i) => Math.min(Math.ceil(span / strides[i]!), output[i]!));
  const shape = b.shape(x);
  const unpool = (values: string, at: string) => b.add("MaxUnpool", [values, at, shape], { kernel_shape: kernel, strides });
  if (product(phases) === 1) return unpool(g, indices);
  const axes = phases.map((_, i) => i + 2);
  const ends = axes.map(() => 2 ** 31 - 1);
  return b.sum(offsets(phases).map((starts) => unpool(b.slice(g, axes, starts, ends, phases), b.slice(indices, axes, starts, ends, phases))));
}

/** All [i, j, …] with i < counts[0], j < counts[1], … */
const offsets = (counts: readonly number[]): number[][] =>
  counts.reduce<number[][]>((all, n) => all.flatMap((head) => Array.from({ length: n }, (_, i) => [...head, i])), [[]]);

function averagePoolGradient({ node, x: [x], y, g, b }: RuleContext): string[] {
  const window = fixWindow(b, resolveWindow(node, node.attributes.ints("kernel_shape", []), b.sizes(x!, 2)), x!, y);
  const shared = shareEqually(b, g, window, node.attributes.int("count_include_pad", 0) === 1);
  const channels = b.sizes(x!, 1)[0]!;
  const size = [channels, 1, ...window.kernel];
  const ones = b.cast(b.constant(tensor("float32", size, new Float32Array(product(size)).fill(1))), b.fact(g).type ?? "float32");
  const attributes: Record<string, AttributeValue> = { ...transposeAttributes(window), group: channels };
  return [b.add("ConvTranspose", [shared, ones], attributes)];
}

/** Each gradient divided by the number of elements that its window averaged. */
function shareEqually(b: Ops, g: string, window: FixedWindow, includePad: boolean): string {
  const counts = window.output.map((_, axis) => elementCounts(window, axis, includePad));
  const all = counts.reduce((outer, inner) => outer.flatMap((a) => inner.map((c) => a * c)), [1]);
  if (new Set(all).size === 1) return b.div(g, b.scalar(all[0]!, g));
  const table = b.constant(tensor("float32", [1, 1, ...window.output], Float32Array.from(all)));
  return b.div(g, b.cast(table, b.fact(g).type ?? "float32"));
}

/** How many elements along one axis each window averages. */
function elementCounts({ kernel, strides, dilations, before, after, input, output }: FixedWindow, axis: number, includePad: boolean): number[] {
  const [low, high] = includePad ? [-before[axis]!, input[axis]! + (after[axis] as number)] : [0, input[axis]!];
  return Array.from({ length: output[axis]! }, (_, o) => {
    const start = o * strides[axis]! - before[axis]!;
    return Array.from({ length: kernel[axis]! }, (_, k) => start + k * dilations[axis]!).filter((p) => p >= low && p < high).length;
  });
}

/** A pool over the whole image, by the rule of a pool with a window of that size. */
function globalMaxPoolGradient({ x: [x], g, b }: RuleContext): string[] {
  const kernel = b.sizes(x!, 2);
  const [, indices] = b.addMany("MaxPool", [x!], 2, { kernel_shape: kernel });
  return [b.add("MaxUnpool", [g, indices!, b.shape(x!)], { kernel_shape: kernel, strides: kernel })];
}

export const poolingRules = {
  MaxPool: maxPoolGradient,
  AveragePool: averagePoolGradient,
  GlobalAveragePool: ({ x: [x], g, b }) => [b.expandLike(b.div(g, b.scalar(product(b.sizes(x!, 2)), g)), x!)],
  GlobalMaxPool: globalMaxPoolGradient,
} satisfies Rules;
