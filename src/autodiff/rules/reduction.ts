import { normalizeAxis } from "../../onnx/dims.ts";
import type { Ops } from "../../onnx/ops.ts";
import type { RuleContext, Rules } from "../rule.ts";

/** A reduction's gradient and output with the axes reduced over present, and others over the same axes. */
interface Reduced {
  /** Undefined where only the run tells. */
  readonly axes: readonly number[] | undefined;
  readonly g: string;
  readonly y: string;
  readonly reduce: (op: "ReduceSum" | "ReduceProd", a: string) => string;
}

function kept({ node, x: [x, axesInput], y, g, b }: RuleContext): Reduced {
  const rank = b.dims(x!).length;
  const given = node.attributes.ints("axes", undefined) ?? (axesInput ? b.fact(axesInput).values : []);
  const noop = node.attributes.int("noop_with_empty_axes", 0);
  const drops = node.attributes.int("keepdims", 1) === 0;
  if (!given?.every((a) => typeof a === "number")) {
    const reduce: Reduced["reduce"] = (op, a) =>
      b.add(op, [a, axesInput!], { keepdims: 1, noop_with_empty_axes: noop });
    const restore = (a: string) => (drops ? b.add("Reshape", [a, b.shape(reduce("ReduceSum", x!))]) : a);
    return { axes: undefined, g: restore(g), y: restore(y), reduce };
  }
  const every = given.length > 0 ? given.map((a) => normalizeAxis(a, rank)) : noop ? [] : [...Array(rank).keys()];
  const axes = every.sort((p, q) => p - q);
  const restore = (a: string) => (axes.length > 0 && drops ? b.unsqueeze(a, axes) : a);
  const reduce: Reduced["reduce"] = (op, a) =>
    op === "ReduceSum" ? b.reduceSum(a, axes, true) : reduceProd(b, a, axes);
  return { axes, g: restore(g), y: restore(y), reduce };
}

function reduceProd(b: Ops, a: string, axes: readonly number[]): string {
  if (axes.length === 0) return a;
  return b.opset >= 18 ? b.add("ReduceProd", [a, b.int64(axes)]) : b.add("ReduceProd", [a], { axes });
}

/** How many elements each result was made of: a number where it is known. */
function countLike(b: Ops, x: string, y: string, axes: Reduced["axes"]): string {
  const sizes = axes?.map((a) => b.dims(x)[a]!);
  if (sizes?.every((d) => typeof d === "number"))
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
  const { g, y, reduce } = kept(context);
  const isExtreme = b.cast(b.equal(x[0]!, y), b.fact(y).type ?? "float32");
  return [b.mul(isExtreme, b.div(g, reduce("ReduceSum", isExtreme)))];
}

/** The product of the other elements, which is right where elements are 0, as torch.prod: by those that are not, and a count. */
function productGradient(context: RuleContext): string[] {
  const { x, b } = context;
  const { g, reduce } = kept(context);
  const isZero = b.equal(x[0]!, b.scalar(0, x[0]!));
  const factors = b.where(isZero, b.scalar(1, x[0]!), x[0]!);
  const zeros = b.cast(isZero, b.fact(x[0]!).type ?? "float32");
  const otherZeros = b.sub(reduce("ReduceSum", zeros), zeros);
  const others = b.div(b.mul(g, reduce("ReduceProd", factors)), factors);
  return [b.where(b.equal(otherZeros, b.scalar(0, zeros)), others, b.scalar(0, zeros))];
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
  ReduceProd: productGradient,
  Softmax: (context) => {
    const { g, y, b } = context;
    return [b.mul(y, b.sub(g, b.reduceSum(b.mul(g, y), softmaxAxes(context), true)))];
  },
  LogSoftmax: (context) => {
    const { g, y, b } = context;
    return [b.sub(g, b.mul(b.exp(y), b.reduceSum(g, softmaxAxes(context), true)))];
  },
} satisfies Rules;
