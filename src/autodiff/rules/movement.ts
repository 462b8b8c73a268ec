import { normalizeAxis } from "../../onnx/dims.ts";
import type { Node } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import { sliceRange } from "../../onnx/shape-rules/selection.ts";
import type { RuleContext, Rules } from "../rule.ts";
import { constants, unsupported } from "./constants.ts";
import { MAX_SELECTION, scatterBack, sendBack } from "./selection.ts";

const reshaped = ({ g, x: [x], b }: RuleContext): string[] => [b.reshapeLike(g, x!)];

/** Cuts the gradient where the inputs were joined. */
function concatGradient({ node, x, g, b, wants }: RuleContext): (string | null)[] {
  const axis = normalizeAxis(node.attributes.int("axis", 1), b.dims(g).length);
  let start = 0;
  return x.map((input, i) => {
    const from = start;
    start += b.size(input, axis);
    return wants(i) ? b.slice(g, [axis], [from], [start]) : null;
  });
}

/** Cuts off what was added, which goes to the value that it was; what was cut off by a negative pad gets zeros. */
function padGradient(context: RuleContext): (string | null)[] {
  const { node, x, g, b, wants } = context;
  if (node.attributes.string("mode", "constant") !== "constant") return [repeatedGradient(context)];
  const computed = [x[1], x[3]].some((list) => list && !isConstant(b, list));
  const inside = computed ? computedPad(context) : b.pad(g, ...padAmounts(context));
  if (!x[2] || !wants(2)) return [inside];
  const total = (a: string) => b.reduceSum(a, b.axesFrom(a, 0), false);
  return [inside, null, b.reshapeLike(b.sub(total(g), total(inside)), x[2])];
}

/** What takes the pads back: how much to add before and after each axis. */
function padAmounts({ node, x, b }: RuleContext): [before: number[], after: number[]] {
  const amounts = node.attributes.ints("pads", undefined) ?? constants(node, "pads", b.fact(x[1]!).values);
  const rank = b.dims(x[0]!).length;
  const axes = x[3] ? constants(node, "axes", b.fact(x[3]).values) : [...Array(rank).keys()];
  const [before, after] = [new Array<number>(rank).fill(0), new Array<number>(rank).fill(0)];
  axes.forEach((axis, i) => {
    const a = normalizeAxis(axis, rank);
    before[a] = -amounts[i]!;
    after[a] = -amounts[i + axes.length]!;
  });
  return [before, after];
}

/** Where the run tells what was added: the same amounts less. */
function computedPad({ x: [x, pads, , axes], g, b }: RuleContext): string {
  const zero = b.scalar(0, g);
  return b.reshapeLike(b.add("Pad", [g, b.neg(pads!), zero, ...(axes ? [axes] : [])]), x!);
}

const isConstant = (b: Ops, list: string): boolean => b.fact(list).values?.every((v) => typeof v === "number") ?? false;

/** Sends each repeated element's gradient back to the element that it repeats. */
function repeatedGradient(context: RuleContext): string {
  const {
    node,
    x: [x],
    g,
    b,
  } = context;
  const [cutBefore, cutAfter] = padAmounts(context);
  return cutBefore.reduce((gradient, before, axis) => {
    const after = cutAfter[axis]!;
    if (before === 0 && after === 0) return gradient;
    const size = b.size(x!, axis);
    // What a negative pad cuts off is not repeated either.
    const first = Math.max(before, 0);
    const length = size - first - Math.max(after, 0);
    const inside = repeatedIndex(node, length);
    const padded = size - before - after;
    if (padded > MAX_SELECTION) throw unsupported(node, `an axis of ${padded}`);
    const indices = Array.from({ length: padded }, (_, i) => inside(i + Math.min(before, 0)));
    if (indices.some((i) => !(i >= 0 && i < length)))
      throw unsupported(node, `mode "${node.attributes.string("mode", "")}" and pads beyond the size`);
    return sendBack(
      node,
      b,
      gradient,
      axis,
      indices.map((i) => i + first),
      size,
    );
  }, g);
}

/** The element that stands at a place outside, by mode; ONNX Runtime reflects and wraps once. */
function repeatedIndex(node: Node, length: number): (i: number) => number {
  const mode = node.attributes.string("mode", "");
  if (mode === "reflect") return (i) => (i < 0 ? -i : i < length ? i : 2 * (length - 1) - i);
  if (mode === "edge") return (i) => Math.min(Math.max(i, 0), length - 1);
  if (mode === "wrap") return (i) => (i < 0 ? i + length : i < length ? i : i - length);
  throw unsupported(node, `mode "${mode}"`);
}

/** Zeros around the gradient of what was taken, and between, where it was taken in steps. */
function sliceGradient(context: RuleContext): string[] {
  const { node, x, g, b } = context;
  if (x.slice(1).some((list) => list && !isConstant(b, list))) return [computedSlice(context)];
  const list = (name: string, i: number) =>
    node.attributes.ints(name, undefined) ?? (x[i] ? constants(node, name, b.fact(x[i]).values) : undefined);
  const starts = list("starts", 1)!;
  const ends = list("ends", 2)!;
  const axes = list("axes", 3) ?? starts.map((_, i) => i);
  const steps = list("steps", 4) ?? starts.map(() => 1);
  const rank = b.dims(x[0]!).length;
  const [before, after] = [new Array<number>(rank).fill(0), new Array<number>(rank).fill(0)];
  let gradient = g;
  axes.forEach((axis, i) => {
    const a = normalizeAxis(axis, rank);
    const [start, end, step] = [starts[i]!, ends[i]!, steps[i]!];
    // The whole of an axis, whose size may be open.
    if (start === 0 && end >= 2 ** 31 - 1 && step === 1) return;
    const size = b.size(x[0]!, a);
    if (step !== 1) {
      gradient = sendBack(node, b, gradient, a, takenBy(node, size, start, end, step), size);
      return;
    }
    const clamp = (v: number) => Math.min(Math.max(v < 0 ? v + size : v, 0), size);
    before[a] = clamp(start);
    after[a] = size - Math.max(clamp(end), before[a]);
  });
  return [b.pad(gradient, before, after)];
}

/** Where the run tells what was taken: the places of all elements, sliced alike, say where each came from. */
function computedSlice({ node, x: [x, ...bounds], g, b }: RuleContext): string {
  const scalar = (value: number) => b.squeeze(b.int64([value]), [0]);
  const size = b.add("Size", [x!]);
  const places = b.add("Reshape", [b.add("Range", [scalar(0), size, scalar(1)]), b.shape(x!)]);
  const taken = b.reshape(b.add("Slice", [places, ...bounds]), [-1]);
  return b.reshapeLike(scatterBack(node, b, b.reshape(g, [-1]), 0, taken, b.unsqueeze(size, [0]), true), x!);
}

function takenBy(node: Node, size: number, start: number, end: number, step: number): number[] {
  const range = sliceRange(size, start, end, step);
  if (range && range.count > MAX_SELECTION) throw unsupported(node, `steps over an axis of ${size}`);
  return Array.from({ length: range?.count ?? 0 }, (_, i) => range!.from + i * range!.step);
}

/** Joins what was cut apart; an output that nothing uses gives zeros. */
function splitGradient({ node, gradientOf, x: [x], b }: RuleContext): string[] {
  const parts = node.outputs.map((name, i) => gradientOf(i) ?? b.full(0, name));
  return [b.add("Concat", parts, { axis: normalizeAxis(node.attributes.int("axis", 0), b.dims(x!).length) })];
}

export const movementRules = {
  Flatten: reshaped,
  Reshape: reshaped,
  Squeeze: reshaped,
  Unsqueeze: reshaped,
  Transpose: ({ node, x: [x], g, b }) => {
    const rank = b.dims(x!).length;
    const perm = node.attributes.ints("perm", undefined) ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
    return [
      b.transpose(
        g,
        perm.map((_, i) => perm.indexOf(i)),
      ),
    ];
  },
  Concat: concatGradient,
  Pad: padGradient,
  Slice: sliceGradient,
  Expand: ({ g }) => [g, null],
  Split: splitGradient,
} satisfies Rules;
