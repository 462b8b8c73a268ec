import { isFloat } from "../../onnx/facts.ts";
import type { Node } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import type { LoweringContext, Lowerings } from "../lowering.ts";

const square = (b: Ops, x: string): string => b.add("Pow", [x, b.scalar(2, x)]);

/** The axes of a reduction, which ones of opset 18 are told by an input; undefined where that is not constant. */
function axesOf({ node, b, x }: LoweringContext): readonly number[] | undefined {
  const rank = b.dims(x[0]!).length;
  const given = x[1] ? b.fact(x[1]).values : node.attributes.ints("axes", undefined);
  if (given === undefined) return x[1] ? undefined : [...Array(rank).keys()];
  if (!given.every((axis): axis is number => typeof axis === "number")) return undefined;
  return given.map((axis) => (axis < 0 ? axis + rank : axis));
}

/** The larger, or the smaller, of both halves, until one is left along each axis. */
function tournament(context: LoweringContext, op: "Max" | "Min", axes: readonly number[], keepdims: boolean): string {
  const { b, x } = context;
  let value = x[0]!;
  for (const axis of axes)
    for (let size = b.size(value, axis); size > 1; size = b.size(value, axis)) {
      const half = size >> 1;
      const part = (from: number, to: number) => b.slice(value, [axis], [from], [to]);
      const best = b.add(op, [part(0, half), part(half, 2 * half)]);
      value = size % 2 === 0 ? best : b.add("Concat", [best, part(2 * half, size)], { axis });
    }
  return keepdims ? value : b.squeeze(value, axes);
}

/** Over axes of known size that are not that of the samples. */
const extreme =
  (op: "Max" | "Min") =>
  (context: LoweringContext): readonly string[] | null => {
    const axes = axesOf(context);
    if (!axes || axes.length === 0 || axes.includes(0)) return null;
    return [tournament(context, op, axes, keepsDims(context.node))];
  };

const pairs =
  (op: string) =>
  ({ x, b }: LoweringContext): readonly string[] | null =>
    x.length === 2 ? null : [x.length === 1 ? b.add("Identity", [x[0]!]) : x.reduce((a, c) => b.add(op, [a, c]))];

/**
 * Operators whose bounds are those of simpler ones. What they compute differs from the kernel's by rounding alone, in a way that the
 * bounds of the simpler ones allow for: another order of a sum, or a step rounded that the kernel does not round.
 */
export const boundLowerings = {
  Max: pairs("Max"),
  Min: pairs("Min"),
  Sum: ({ x, b }) => [x.length === 1 ? b.add("Identity", [x[0]!]) : b.sum(x)],
  Mean: ({ x, b }) => [b.div(x.length === 1 ? b.add("Identity", [x[0]!]) : b.sum(x), b.scalar(x.length, x[0]!))],
  Div: ({ x: [a, d], b, varies }) => {
    if (!isFloat(b.fact(d!).type) || !varies(d!)) return null;
    return [b.mul(a!, b.add("Reciprocal", [d!]))];
  },
  Mul: ({ x: [a, c], b }) => (a === c ? [square(b, a!)] : null),
  // Each product for itself, then their sums: of matrices of each sample.
  MatMul: ({ x: [l, r], b, varies }) => {
    const rank = b.dims(l!).length;
    if (!varies(l!) || !varies(r!) || rank < 3 || b.dims(r!).length !== rank) return null;
    const products = b.mul(b.unsqueeze(l!, [rank]), b.unsqueeze(r!, [rank - 2]));
    return [b.reduceSum(products, [rank - 1], false)];
  },
  ReduceMax: extreme("Max"),
  ReduceMin: extreme("Min"),
  GlobalMaxPool: (context) => [tournament(context, "Max", context.b.axesFrom(context.x[0]!, 2), true)],
  ReduceSumSquare: (context) => sumOf(context, (b, x) => square(b, x)),
  ReduceL1: (context) => sumOf(context, (b, x) => b.add("Abs", [x])),
  ReduceL2: (context) => {
    const sum = sumOf(context, (b, x) => square(b, x));
    return sum && [context.b.add("Sqrt", [sum[0]!])];
  },
  ReduceLogSum: (context) => {
    const sum = sumOf(context, (_, x) => x);
    return sum && [context.b.add("Log", [sum[0]!])];
  },
} satisfies Lowerings;

/** Σ of a function of each element, over the axes of the node. */
function sumOf(context: LoweringContext, of: (b: Ops, x: string) => string): readonly string[] | null {
  const { node, b, x } = context;
  const axes = axesOf(context);
  if (!axes || axes.length === 0) return null;
  return [b.reduceSum(of(b, x[0]!), axes, keepsDims(node))];
}

const keepsDims = (node: Node): boolean => node.attributes.int("keepdims", 1) !== 0;
