import { PerturbError } from "../../errors.ts";
import { normalizeAxis } from "../../onnx/dims.ts";
import { describeNode } from "../../onnx/graph.ts";
import type { RuleContext, Rules } from "../rule.ts";

const reshaped = ({ g, x: [x], b }: RuleContext): string[] => [b.reshapeLike(g, x!)];

/** Cuts the gradient where the inputs were joined. */
function concatGradient({ node, x, g, b, wants }: RuleContext): (string | null)[] {
  const axis = normalizeAxis(node.attributes.int("axis", 1), b.dims(g).length);
  let start = 0;
  return x.map((input, i) => {
    const [from, to] = [start, (start += b.sizes(input, axis)[0]!)];
    return wants(i) ? b.slice(g, [axis], [from], [to]) : null;
  });
}

/** Cuts off what was added; what was cut off by a negative pad gets zeros. */
function padGradient({ node, x: [, pads], g, b }: RuleContext): string[] {
  const mode = node.attributes.string("mode", "constant");
  if (mode !== "constant") throw unsupported(node, `mode "${mode}"`);
  const amounts = node.attributes.ints("pads", undefined) ?? constants(node, "pads", b.fact(pads!).values);
  const rank = amounts.length / 2;
  return [b.pad(g, amounts.slice(0, rank).map((p) => -p), amounts.slice(rank).map((p) => -p))];
}

/** Zeros around the gradient of what was taken. */
function sliceGradient({ node, x, g, b }: RuleContext): string[] {
  const list = (name: string, i: number) => node.attributes.ints(name, undefined) ?? (x[i] ? constants(node, name, b.fact(x[i]).values) : undefined);
  const starts = list("starts", 1)!;
  const ends = list("ends", 2)!;
  const axes = list("axes", 3) ?? starts.map((_, i) => i);
  if (list("steps", 4)?.some((s) => s !== 1)) throw unsupported(node, "steps other than 1");
  const rank = b.dims(x[0]!).length;
  const [before, after] = [new Array<number>(rank).fill(0), new Array<number>(rank).fill(0)];
  axes.forEach((axis, i) => {
    const a = normalizeAxis(axis, rank);
    const size = b.sizes(x[0]!, a)[0]!;
    const clamp = (v: number) => Math.min(Math.max(v < 0 ? v + size : v, 0), size);
    before[a] = clamp(starts[i]!);
    after[a] = size - clamp(ends[i]!);
  });
  return [b.pad(g, before, after)];
}

/** One constant index along an axis: zeros around it. */
function gatherGradient({ node, x: [x, indices], g, b }: RuleContext): string[] {
  const { values, dims } = b.fact(indices!);
  if (!values || dims?.length !== 0 || typeof values[0] !== "number") throw unsupported(node, "indices that are not one constant");
  const rank = b.dims(x!).length;
  const axis = normalizeAxis(node.attributes.int("axis", 0), rank);
  const size = b.sizes(x!, axis)[0]!;
  const at = normalizeAxis(values[0], size);
  const only = (amount: number) => Array.from({ length: rank }, (_, i) => (i === axis ? amount : 0));
  return [b.pad(b.unsqueeze(g, [axis]), only(at), only(size - 1 - at))];
}

function constants(node: RuleContext["node"], what: string, values: readonly unknown[] | undefined): readonly number[] {
  if (values?.every((v) => typeof v === "number")) return values;
  throw unsupported(node, `${what} that are not constant`);
}

const unsupported = (node: RuleContext["node"], what: string) =>
  new PerturbError("no-gradient", `${describeNode(node)}: the gradient of ${node.op} with ${what} is not available. Rewrite that node, or export the model differently.`);

export const movementRules = {
  Flatten: reshaped,
  Reshape: reshaped,
  Squeeze: reshaped,
  Unsqueeze: reshaped,
  Transpose: ({ node, x: [x], g, b }) => {
    const rank = b.dims(x!).length;
    const perm = node.attributes.ints("perm", undefined) ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
    return [b.transpose(g, perm.map((_, i) => perm.indexOf(i)))];
  },
  Concat: concatGradient,
  Pad: padGradient,
  Slice: sliceGradient,
  Gather: gatherGradient,
  Expand: ({ g }) => [g, null],
} satisfies Rules;
