import { normalizeAxis } from "../../onnx/dims.ts";
import type { Ops } from "../../onnx/ops.ts";
import { sliceRange } from "../../onnx/shape-rules/selection.ts";
import { product } from "../../tensor.ts";
import type { RuleContext, Rules } from "../rule.ts";
import { constants, unsupported } from "./constants.ts";
import { MAX_SELECTION, sendBack } from "./selection.ts";

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

/** Cuts off what was added; what was cut off by a negative pad gets zeros. */
function padGradient({ node, x: [x, pads, , axesInput], g, b }: RuleContext): string[] {
  const mode = node.attributes.string("mode", "constant");
  if (mode !== "constant") throw unsupported(node, `mode "${mode}"`);
  const amounts = node.attributes.ints("pads", undefined) ?? constants(node, "pads", b.fact(pads!).values);
  const rank = b.dims(x!).length;
  const axes = axesInput ? constants(node, "axes", b.fact(axesInput).values) : [...Array(rank).keys()];
  const [before, after] = [new Array<number>(rank).fill(0), new Array<number>(rank).fill(0)];
  axes.forEach((axis, i) => {
    const a = normalizeAxis(axis, rank);
    before[a] = -amounts[i]!;
    after[a] = -amounts[i + axes.length]!;
  });
  return [b.pad(g, before, after)];
}

/** Zeros around the gradient of what was taken, and between, where it was taken in steps. */
function sliceGradient({ node, x, g, b }: RuleContext): string[] {
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
      gradient = sendBack(b, gradient, a, takenBy(node, size, start, end, step), size);
      return;
    }
    const clamp = (v: number) => Math.min(Math.max(v < 0 ? v + size : v, 0), size);
    before[a] = clamp(start);
    after[a] = size - Math.max(clamp(end), before[a]);
  });
  return [b.pad(gradient, before, after)];
}

function takenBy(node: RuleContext["node"], size: number, start: number, end: number, step: number): number[] {
  const range = sliceRange(size, start, end, step);
  if (!range || range.count * size > MAX_SELECTION) throw unsupported(node, `steps of ${step} over an axis of ${size}`);
  return Array.from({ length: range.count }, (_, i) => range.from + i * range.step);
}

/** One constant index along an axis: zeros around it. Several: each back to its place. */
function gatherGradient({ node, x: [x, indices], g, b }: RuleContext): string[] {
  const { values, dims } = b.fact(indices!);
  const at = constants(node, "indices", values);
  const rank = b.dims(x!).length;
  const axis = normalizeAxis(node.attributes.int("axis", 0), rank);
  const size = b.size(x!, axis);
  if (dims?.length === 0) {
    const index = normalizeAxis(at[0]!, size);
    const only = (amount: number) => Array.from({ length: rank }, (_, i) => (i === axis ? amount : 0));
    return [b.pad(b.unsqueeze(g, [axis]), only(index), only(size - 1 - index))];
  }
  if (at.length * size > MAX_SELECTION) throw unsupported(node, `${at.length} indices into an axis of ${size}`);
  const flat = dims!.length === 1 ? g : joinAxes(b, g, axis, dims!.length);
  return [
    sendBack(
      b,
      flat,
      axis,
      at.map((index) => normalizeAxis(index, size)),
      size,
    ),
  ];
}

/** `a` with `count` axes from `axis` on made one. */
function joinAxes(b: Ops, a: string, axis: number, count: number): string {
  const dims = b.dims(a).map((d) => (typeof d === "number" ? d : -1));
  return b.reshape(a, [...dims.slice(0, axis), product(dims.slice(axis, axis + count)), ...dims.slice(axis + count)]);
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
  Gather: gatherGradient,
  Expand: ({ g }) => [g, null],
  Split: splitGradient,
} satisfies Rules;
