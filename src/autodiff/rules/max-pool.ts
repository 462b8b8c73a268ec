import type { Node } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import { product, tensor } from "../../tensor.ts";
import type { RuleContext, Rules } from "../rule.ts";
import { unsupported } from "./constants.ts";
import { windowOf } from "./pooling.ts";
import { interleave, type Line, lineOf, shift } from "./window.ts";

/**
 * The whole gradient goes to the first maximum of a window, in row-major order, as PyTorch. A pool over an image is one
 * along each axis in turn, the last first, and so is its gradient, the other way around: the first row that holds the
 * maximum, then the first column of that row. Neither MaxPool's Indices nor MaxUnpool is used: WebGPU lacks both, and
 * ONNX Runtime's CPU kernel of MaxPool is slow with indices.
 */
function maxPoolGradient(context: RuleContext): string[] {
  const { node, y, g, b } = context;
  const [x] = context.x;
  const window = windowOf(context);
  const lines = window.kernel.map((_, i) => lineOf(window, i));
  if (lines.length === 2 && lines.every(isPairs)) return [throughPairs(b, x!, y, g)];
  const active = lines.filter(({ kernel, stride, input, output }) => kernel > 1 || stride > 1 || input !== output);
  // Inputs of the pools along the first axis, the second, …; the last of them is x.
  const inputs = [x!];
  for (const line of active.slice(1).reverse()) inputs.unshift(poolAlong(b, node, inputs[0]!, line));
  const outputs = [y, ...inputs];
  return [active.reduce((gradient, line, i) => alongLine(b, node, inputs[i]!, outputs[i]!, gradient, line), g)];
}

/** The node's pool along one axis only. */
function poolAlong(b: Ops, { attributes }: Node, x: string, { axis, kernel, stride, dilation }: Line): string {
  const rank = b.dims(x).length - 2;
  const only = (value: number, others: number) =>
    Array.from({ length: rank }, (_, i) => (i === axis - 2 ? value : others));
  const pads = attributes.ints("pads", undefined);
  return b.add("MaxPool", [x], {
    kernel_shape: only(kernel, 1),
    strides: only(stride, 1),
    ...(attributes.has("dilations") && { dilations: only(dilation, 1) }),
    ...(pads && { pads: [...only(pads[axis - 2]!, 0), ...only(pads[axis - 2 + rank]!, 0)] }),
    ...(attributes.has("auto_pad") && { auto_pad: attributes.string("auto_pad", "NOTSET") }),
    ...(attributes.has("ceil_mode") && { ceil_mode: attributes.int("ceil_mode", 0) }),
  });
}

/** Windows of two that tile the axis without a remainder. */
const isPairs = ({ kernel, stride, dilation, before, input, output }: Line): boolean =>
  kernel === 2 && stride === 2 && dilation === 1 && before === 0 && input === 2 * output;

/**
 * Windows of 2 x 2 that tile the image, as in most networks: the same with fewer values, since what happens in the row
 * that does not hold the maximum has no effect.
 */
function throughPairs(b: Ops, x: string, y: string, g: string): string {
  const lessThan = (kernel: readonly number[], strides: readonly number[], than: string) =>
    b.cast(
      b.add("Less", [b.add("MaxPool", [x], { kernel_shape: kernel, strides }), than]),
      b.fact(g).type ?? "float32",
    );
  const below = b.mul(g, lessThan([1, 2], [2, 2], y));
  const rows = interleave(b, [b.sub(g, below), below], 2);
  const right = b.mul(rows, lessThan([1, 1], [1, 2], interleave(b, [y, y], 2)));
  return interleave(b, [b.sub(rows, right), right], 3);
}

/** Elements of a window along one axis up to which each has its own nodes. */
const MAX_KERNEL = 256;
/** The same where one ArgMax does it. */
const SMALL_KERNEL = 4;

/** The gradient of `x`, of which `y` is the pool along one axis. */
function alongLine(b: Ops, node: Node, x: string, y: string, g: string, line: Line): string {
  const { axis, kernel, dilation, before, input, output } = line;
  // A single window takes no step.
  const stride = output === 1 ? 1 : line.stride;
  const tiles = dilation === 1 && before === 0 && (kernel === stride || output === 1) && kernel * output <= input;
  if (tiles && kernel > SMALL_KERNEL) return throughTiles(b, x, g, line);
  if (Math.max(kernel, stride) > MAX_KERNEL)
    throw unsupported(node, `windows or strides of more than ${MAX_KERNEL} elements an axis`);
  const groups: string[][] = Array.from({ length: stride }, () => []);
  const length = Math.ceil(input / stride);
  // Window o has its element number i at offset + o·stride; inside x it is from window `first` to window `last` on.
  const elements = Array.from({ length: kernel }, (_, i) => {
    const offset = i * dilation - before;
    const last = Math.min(output - 1, Math.floor((input - 1 - offset) / stride));
    return { offset, first: Math.max(0, Math.ceil(-offset / stride)), last };
  }).filter(({ first, last }) => first <= last);
  let left = g;
  for (const [i, { offset, first, last }] of elements.entries()) {
    let share = left;
    if (i < elements.length - 1) {
      const candidates = pick(b, x, axis, first * stride + offset, last - first + 1, stride);
      const isMaximum = b.equal(candidates, shift(b, y, axis, -first, last + 1 - output));
      const type = b.fact(g).type ?? "float32";
      share = b.mul(left, shift(b, b.cast(isMaximum, type), axis, first, output - 1 - last));
      left = b.sub(left, share);
    }
    const phase = ((offset % stride) + stride) % stride;
    const steps = (offset - phase) / stride;
    groups[phase]!.push(shift(b, share, axis, steps, length - output - steps));
  }
  const sums = groups.map((parts) => (parts.length > 0 ? b.sum(parts) : null));
  const some = sums.find((value) => value !== null)!;
  const whole = interleave(
    b,
    sums.map((value) => value ?? b.mul(some, b.scalar(0, some))),
    axis,
  );
  return shift(b, whole, axis, 0, input - length * stride);
}

/** Every stride-th element along an axis. */
function pick(b: Ops, x: string, axis: number, start: number, count: number, stride: number): string {
  const end = start + (count - 1) * stride + 1;
  if (stride === 1 || b.opset >= 10) return b.slice(x, [axis], [start], [end], [stride]);
  // Slices have no steps yet; a pool of single elements has.
  const single = b.axesFrom(x, 2);
  return b.add("MaxPool", [b.slice(x, [axis], [start], [end])], {
    kernel_shape: single.map(() => 1),
    strides: single.map((a) => (a === axis ? stride : 1)),
  });
}

/** Long windows side by side: each is asked for the place of its first maximum. */
function throughTiles(b: Ops, x: string, g: string, { axis, kernel, input, output }: Line): string {
  const around = (sizes: readonly number[]) => [-1, ...b.sizes(x, 1).toSpliced(axis - 1, 1, ...sizes)];
  const covered = output * kernel;
  const windows = b.reshape(shift(b, x, axis, 0, covered - input), around([output, kernel]));
  // The first of equal ones, which ONNX Runtime also gives before opset 12, where that could not be said.
  const first = b.cast(b.add("ArgMax", [windows], { axis: axis + 1, keepdims: 1 }), "int32");
  const places = tensor(
    "int32",
    b.sizes(x, axis).map((_, i) => (i === 0 ? kernel : 1)),
    Int32Array.from({ length: kernel }, (_, i) => i),
  );
  const isFirst = b.cast(b.equal(first, b.constant(places)), b.fact(g).type ?? "float32");
  const shares = b.mul(isFirst, b.unsqueeze(g, [axis + 1]));
  return shift(b, b.reshape(shares, around([covered])), axis, 0, input - covered);
}

/** One window over all pixels in a row. */
function globalMaxPoolGradient({ node, x: [x], y, g, b }: RuleContext): string[] {
  const sizes = b.sizes(x!, 1);
  const [channels, pixels] = [sizes[0]!, product(sizes.slice(1))];
  const flat = (value: string, count: number) => b.reshape(value, [-1, channels, count]);
  const line = { axis: 2, kernel: pixels, stride: 1, dilation: 1, before: 0, input: pixels, output: 1 };
  return [b.reshapeLike(alongLine(b, node, flat(x!, pixels), flat(y, 1), flat(g, 1), line), x!)];
}

/** Each element comes back from the place that it was put to. Where several went to one place, all get its gradient, as in PyTorch. */
const maxUnpoolGradient = ({ x: [, indices], g, b }: RuleContext): (string | null)[] => [
  b.add("Gather", [b.reshape(g, [-1]), indices!], { axis: 0 }),
];

export const maxPoolRules = {
  MaxPool: maxPoolGradient,
  GlobalMaxPool: globalMaxPoolGradient,
  MaxUnpool: maxUnpoolGradient,
} satisfies Rules;
