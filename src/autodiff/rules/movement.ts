import { normalizeAxis } from "../../onnx/dims.ts";
import type { RuleContext, Rules } from "../rule.ts";
import { constants, unsupported } from "./constants.ts";

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

/** Zeros around the gradient of what was taken. */
function sliceGradient({ node, x, g, b }: RuleContext): string[] {
  const list = (name: string, i: number) =>
    node.attributes.ints(name, undefined) ?? (x[i] ? constants(node, name, b.fact(x[i]).values) : undefined);
  const starts = list("starts", 1)!;
  const ends = list("ends", 2)!;
  const axes = list("axes", 3) ?? starts.map((_, i) => i);
  if (list("steps", 4)?.some((s) => s !== 1)) throw unsupported(node, "steps other than 1");
  const rank = b.dims(x[0]!).length;
  const [before, after] = [new Array<number>(rank).fill(0), new Array<number>(rank).fill(0)];
  axes.forEach((axis, i) => {
    const a = normalizeAxis(axis, rank);
    const [start, end] = [starts[i]!, ends[i]!];
    // The whole of an axis, whose size may be open.
    if (start === 0 && end >= 2 ** 31 - 1) return;
    const size = b.size(x[0]!, a);
    const clamp = (v: number) => Math.min(Math.max(v < 0 ? v + size : v, 0), size);
    before[a] = clamp(start);
    after[a] = size - Math.max(clamp(end), before[a]);
  });
  return [b.pad(g, before, after)];
}

/** One constant index along an axis: zeros around it. */
function gatherGradient({ node, x: [x, indices], g, b }: RuleContext): string[] {
  const { values, dims } = b.fact(indices!);
  if (!values || dims?.length !== 0 || typeof values[0] !== "number")
    throw unsupported(node, "indices that are not one constant");
  const rank = b.dims(x!).length;
  const axis = normalizeAxis(node.attributes.int("axis", 0), rank);
  const size = b.size(x!, axis);
  const at = normalizeAxis(values[0], size);
  const only = (amount: number) => Array.from({ length: rank }, (_, i) => (i === axis ? amount : 0));
  return [b.pad(b.unsqueeze(g, [axis]), only(at), only(size - 1 - at))];
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
} satisfies Rules;
