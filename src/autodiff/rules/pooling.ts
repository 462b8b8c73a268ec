import type { AttributeValue } from "../../onnx/attributes.ts";
import type { Ops } from "../../onnx/ops.ts";
import { resolveWindow } from "../../onnx/window.ts";
import { product, tensor } from "../../tensor.ts";
import type { RuleContext, Rules } from "../rule.ts";
import { type FixedWindow, fixWindow, positions, transposeAttributes } from "./window.ts";

const windowOf = ({ node, x: [x], y, b }: RuleContext): FixedWindow =>
  fixWindow(b, resolveWindow(node, node.attributes.ints("kernel_shape", []), b.sizes(x!, 2)), x!, y);

/** The whole gradient goes to the first maximum of a window, in row-major order, as PyTorch. */
function maxPoolGradient(context: RuleContext): string[] {
  const { node, y, g, b } = context;
  const [x] = context.x;
  const window = windowOf(context);
  const indices = b.opset >= 11 && tilesByTwo(window) ? indicesOfPairs(b, x!, y, window) : b.extraOutput(node, 1);
  return [scatter(b, g, indices, x!, window)];
}

/** Windows of 2 x 2 that tile the input without a remainder: the pool of most networks. */
const tilesByTwo = ({ kernel, strides, dilations, before, input, output }: FixedWindow): boolean =>
  kernel.length === 2 &&
  [0, 1].every(
    (i) => kernel[i] === 2 && strides[i] === 2 && dilations[i] === 1 && before[i] === 0 && input[i] === 2 * output[i]!,
  );

/**
 * What the Indices output of a 2 x 2 MaxPool gives, from pools without it: three times as fast in ONNX Runtime, whose
 * MaxPool has no vectorised path with indices. The maximum is in the second row when that of the first row is less; it is
 * in the second column when the elements of the first column, down to that row, are less.
 */
function indicesOfPairs(
  b: Ops,
  x: string,
  y: string,
  { input: [height, width], output: [rows, columns] }: FixedWindow,
): string {
  const less = (kernel: readonly number[]) =>
    b.add("Less", [b.add("MaxPool", [x], { kernel_shape: kernel, strides: [2, 2] }), y]);
  const int64 = (value: number) => b.constant(tensor("int64", [], BigInt64Array.of(BigInt(value))));
  const [inFirst, inSecond] = [
    b.where(less([1, 1]), int64(1), int64(0)),
    b.where(less([2, 1]), int64(width! + 1), int64(width!)),
  ];
  const offset = b.where(less([1, 2]), inSecond, inFirst);
  const channels = b.sizes(x, 1)[0]!;
  const shape = (axis: number) => [0, 1, 2, 3].map((i) => (i === axis ? -1 : 1));
  const steps = (axis: number, count: number, step: number) =>
    b.constant(
      tensor(
        "int64",
        shape(axis).map((d) => (d < 0 ? count : d)),
        BigInt64Array.from({ length: count }, (_, i) => BigInt(i * step)),
      ),
    );
  const corner = b.plus(
    steps(1, channels, height! * width!),
    b.plus(steps(2, rows!, 2 * width!), steps(3, columns!, 2)),
  );
  const batch = b.add("Gather", [b.shape(x), int64(0)]);
  const samples = b.mul(b.add("Range", [int64(0), batch, int64(1)]), int64(channels * height! * width!));
  return b.plus(offset, b.plus(corner, b.reshape(samples, shape(0))));
}

/**
 * Puts each gradient at its index. MaxUnpool writes and does not add, so overlapping windows are taken apart into
 * interleaved sets that do not overlap, one a phase, and these are summed.
 */
function scatter(
  b: Ops,
  g: string,
  indices: string,
  x: string,
  { kernel, strides, dilations, output }: FixedWindow,
): string {
  const spans = kernel.map((k, i) => (k - 1) * dilations[i]! + 1);
  const phases = spans.map((span, i) => Math.min(Math.ceil(span / strides[i]!), output[i]!));
  if (product(phases) === 1) return unpool(b, g, indices, x);
  const axes = phases.map((_, i) => i + 2);
  const ends = axes.map(() => 2 ** 31 - 1);
  const pick = (value: string, starts: readonly number[]) => b.slice(value, axes, starts, ends, phases);
  return b.sum(positions(phases).map((starts) => unpool(b, pick(g, starts), pick(indices, starts), x)));
}

/** The window given is a point: the real one may reach beyond x, where ONNX Runtime refuses the shape of x. */
const unpool = (b: Ops, values: string, indices: string, x: string): string =>
  b.add("MaxUnpool", [values, indices, b.shape(x)], { kernel_shape: b.axesFrom(x, 2).map(() => 1) });

function averagePoolGradient(context: RuleContext): string[] {
  const { node, g, b } = context;
  const [x] = context.x;
  const window = windowOf(context);
  const shared = shareEqually(b, g, window, node.attributes.int("count_include_pad", 0) === 1);
  const channels = b.sizes(x!, 1)[0]!;
  const size = [channels, 1, ...window.kernel];
  const ones = b.cast(
    b.constant(tensor("float32", size, new Float32Array(product(size)).fill(1))),
    b.fact(g).type ?? "float32",
  );
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
function elementCounts(
  { kernel, strides, dilations, before, after, input, output }: FixedWindow,
  axis: number,
  includePad: boolean,
): number[] {
  const [low, high] = includePad ? [-before[axis]!, input[axis]! + after[axis]!] : [0, input[axis]!];
  return Array.from({ length: output[axis]! }, (_, o) => {
    const start = o * strides[axis]! - before[axis]!;
    return Array.from({ length: kernel[axis]! }, (_, k) => start + k * dilations[axis]!).filter(
      (p) => p >= low && p < high,
    ).length;
  });
}

/** A pool over the whole image, by the rule of a pool with a window of that size. */
function globalMaxPoolGradient({ x: [x], g, b }: RuleContext): string[] {
  const kernel = b.sizes(x!, 2);
  const [, indices] = b.addMany("MaxPool", [x!], 2, { kernel_shape: kernel });
  return [unpool(b, g, indices!, x!)];
}

export const poolingRules = {
  MaxPool: maxPoolGradient,
  AveragePool: averagePoolGradient,
  GlobalAveragePool: ({ x: [x], g, b }) => [b.expandLike(b.div(g, b.scalar(product(b.sizes(x!, 2)), g)), x!)],
  GlobalMaxPool: globalMaxPoolGradient,
} satisfies Rules;
