import { normalizeAxis } from "../../onnx/dims.ts";
import type { Ops } from "../../onnx/ops.ts";
import type { RuleContext, Rules } from "../rule.ts";
import { constants } from "./constants.ts";

/** The axes reduced over, the gradient and the output with these axes present. */
function kept({ node, x: [x, axesInput], y, g, b }: RuleContext) {
  const rank = b.dims(x!).length;
  const given =
    node.attributes.ints("axes", undefined) ??
    (axesInput ? constants(node, "axes", b.fact(axesInput).values) : undefined);
  const none = !given || given.length === 0;
  const noop = none && node.attributes.int("noop_with_empty_axes", 0) === 1;
  const axes = noop
    ? []
    : none
      ? [...Array(rank).keys()]
      : given.map((a) => normalizeAxis(a, rank)).sort((p, q) => p - q);
  const restore = (value: string) =>
    axes.length > 0 && node.attributes.int("keepdims", 1) === 0 ? b.unsqueeze(value, axes) : value;
  return { axes, g: restore(g), y: restore(y) };
}

/** How many elements each result was made of: a number where it is known. */
function countLike(b: Ops, x: string, y: string, axes: readonly number[]): string {
  const sizes = axes.map((a) => b.dims(x)[a]!);
  if (sizes.every((d) => typeof d === "number"))
    return b.scalar(
      sizes.reduce((p, d) => p * d, 1),
      y,
    );
  const type = b.fact(y).type ?? "float32";
  return b.div(b.cast(b.add("Size", [x]), type), b.cast(b.add("Size", [y]), type));
}

/** Equal shares among the elements that are the extreme, as torch.amax. */
function extremeGradient(context: RuleContext): string[] {
  const { x, b } = context;
  const { axes, g, y } = kept(context);
  const isExtreme = b.cast(b.equal(x[0]!, y), b.fact(y).type ?? "float32");
  return [b.mul(isExtreme, b.div(g, b.reduceSum(isExtreme, axes, true)))];
}

/** The axes of a Softmax: one from opset 13 on, before that all from `axis` on. */
function softmaxAxes({ node, x: [x], b }: RuleContext): readonly number[] {
  if (b.opset >= 13) return [normalizeAxis(node.attributes.int("axis", -1), b.dims(x!).length)];
  return b.axesFrom(x!, node.attributes.int("axis", 1));
}

export const reductionRules = {
  ReduceSum: (context) => [context.b.expandLike(kept(context).g, context.x[0]!), null],
  ReduceMean: (context) => {
    const { b, x, y } = context;
    const { axes, g } = kept(context);
    return [b.expandLike(b.div(g, countLike(b, x[0]!, y, axes)), x[0]!), null];
  },
  // 0 at 0.
  ReduceL1: (context) => {
    const { b, x } = context;
    return [b.mul(kept(context).g, b.add("Sign", [x[0]!])), null];
  },
  // 0 where all elements are 0, as torch.linalg.vector_norm.
  ReduceL2: (context) => {
    const { b, x } = context;
    const { g, y } = kept(context);
    const isZero = b.equal(y, b.scalar(0, y));
    return [b.mul(b.where(isZero, b.scalar(0, y), b.div(g, y)), x[0]!), null];
  },
  ReduceSumSquare: (context) => {
    const { b, x } = context;
    return [b.mul(b.mul(kept(context).g, b.scalar(2, x[0]!)), x[0]!), null];
  },
  ReduceLogSum: (context) => {
    const { b, x } = context;
    const { g, y } = kept(context);
    return [b.expandLike(b.div(g, b.exp(y)), x[0]!), null];
  },
  ReduceLogSumExp: (context) => {
    const { b, x } = context;
    const { g, y } = kept(context);
    return [b.mul(g, b.exp(b.sub(x[0]!, y))), null];
  },
  ReduceMax: extremeGradient,
  ReduceMin: extremeGradient,
  Softmax: (context) => {
    const { g, y, b } = context;
    return [b.mul(y, b.sub(g, b.reduceSum(b.mul(g, y), softmaxAxes(context), true)))];
  },
  LogSoftmax: (context) => {
    const { g, y, b } = context;
    return [b.sub(g, b.mul(b.exp(y), b.reduceSum(g, softmaxAxes(context), true)))];
  },
} satisfies Rules;
