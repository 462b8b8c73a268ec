import type { Ops } from "../../onnx/ops.ts";
import { resolveWindow } from "../../onnx/window.ts";
import { product, tensor } from "../../tensor.ts";
import type { RuleContext, Rules } from "../rule.ts";
import { unsupported } from "./constants.ts";
import { type FixedWindow, fixWindow, interleave, type Line, lineOf, shift, transposeAttributes } from "./window.ts";

/** The window of a pool, whose sizes must be known. @throws no-gradient where ONNX Runtime departs from the standard */
export function windowOf({ node, x: [x], y, b }: RuleContext): FixedWindow {
  const sizes = b.sizes(x!, 2);
  const window = resolveWindow(node, node.attributes.ints("kernel_shape", []), sizes);
  if (node.attributes.string("auto_pad", "NOTSET").startsWith("SAME")) {
    const { kernel, strides, dilations } = window;
    if (dilations.some((d) => d > 1)) throw unsupported(node, "SAME padding and dilations");
    // ONNX Runtime gives such windows negative padding: it moves the first one into the image.
    const uncovered = sizes.map((n, i) => n - kernel[i]! - (Math.ceil(n / strides[i]!) - 1) * strides[i]!);
    if (uncovered.some((n) => n > 1)) throw unsupported(node, "SAME padding and gaps between windows");
  }
  return fixWindow(b, window, x!, y);
}

function averagePoolGradient(context: RuleContext): string[] {
  const { node, x, g, b } = context;
  const window = windowOf(context);
  const shared = shareEqually(b, g, window, node.attributes.int("count_include_pad", 0) === 1);
  return [overWindows(b, shared, x[0]!, window)];
}

/**
 * The sum, at each element of x, of `values` over the windows that hold it: the transpose of a pool that sums. As a
 * transposed convolution it takes ONNX Runtime 4 times as long as windows side by side, and 10 times as long as a pool.
 */
export function overWindows(b: Ops, values: string, x: string, window: FixedWindow): string {
  const lines = window.kernel.map((_, i) => lineOf(window, i));
  if (lines.every(isTiled)) return lines.reduce((spread, line) => overTiles(b, spread, line), values);
  if (lines.every(({ stride, dilation }) => stride === 1 && dilation === 1)) return overSteps(b, values, lines);
  const channels = b.size(x, 1);
  const size = [channels, 1, ...window.kernel];
  b.room(product(size), x);
  const ones = b.cast(
    b.constant(tensor("float32", size, new Float32Array(product(size)).fill(1))),
    b.fact(values).type ?? "float32",
  );
  return b.add("ConvTranspose", [values, ones], { ...transposeAttributes(window), group: channels });
}

/** Windows side by side, of no more elements than are worth a value each. */
const isTiled = ({ kernel, stride, dilation, before }: Line): boolean =>
  kernel === stride && dilation === 1 && before === 0 && kernel <= 16;

function overTiles(b: Ops, values: string, { axis, kernel, input, output }: Line): string {
  const whole = interleave(b, new Array<string>(kernel).fill(values), axis);
  return shift(b, whole, axis, 0, input - output * kernel);
}

/** With stride 1: a pool that sums, with the padding that is left of the kernel. */
function overSteps(b: Ops, values: string, lines: readonly Line[]): string {
  const kernel = lines.map((line) => line.kernel);
  const low = lines.map((line) => line.kernel - 1 - line.before);
  const high = lines.map((line, i) => line.input - line.output - low[i]! + line.kernel - 1);
  const average = b.add("AveragePool", [values], {
    kernel_shape: kernel,
    pads: [...low, ...high],
    count_include_pad: 1,
  });
  return b.mul(average, b.scalar(product(kernel), average));
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
    const steps = (to: number) => Math.min(Math.max(0, Math.ceil((to - start) / dilations[axis]!)), kernel[axis]!);
    return Math.max(0, steps(high) - steps(low));
  });
}

export const poolingRules = {
  AveragePool: averagePoolGradient,
  GlobalAveragePool: ({ x: [x], g, b }) => [b.expandLike(b.div(g, b.scalar(product(b.sizes(x!, 2)), g)), x!)],
} satisfies Rules;
