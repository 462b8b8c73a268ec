import { normalizeAxis } from "../../onnx/dims.ts";
import type { Node } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import { own } from "../../own.ts";
import type { RuleContext, Rules } from "../rule.ts";
import { unsupported } from "./constants.ts";
import { convolutionRules } from "./convolution.ts";
import { linearRules } from "./linear.ts";

// Integers between quantisation and dequantisation are taken for real numbers. Rounding passes the gradient straight through
// (Bengio et al. 2013, https://arxiv.org/abs/1308.3432); where a value saturates it is 0, as in torch.fake_quantize_per_tensor_affine.

/** Where the values of a scale or zero point belong: to all of x, to places along an axis, or to blocks of it (opset 21). */
interface Spread {
  readonly axis: number;
  readonly block: number;
}

function spreadOf(b: Ops, node: Node, scale: string, x: string): Spread | null {
  const dims = b.dims(scale);
  const block = node.attributes.int("block_size", 0);
  if (dims.length === 0 || (block === 0 && dims.length === 1 && dims[0] === 1)) return null;
  return { axis: normalizeAxis(node.attributes.int("axis", 1), b.dims(x).length), block };
}

/** A scale or zero point, in the shape in which it meets x. */
function meet(b: Ops, value: string, x: string, spread: Spread | null): string {
  if (!spread) return value;
  const { axis, block } = spread;
  if (block === 0)
    return b.reshape(
      value,
      b.dims(x).map((_, i) => (i === axis ? -1 : 1)),
    );
  const sizes = b.sizes(value);
  const repeats = [...sizes.map(() => 1), 1].map((_, i) => (i === axis + 1 ? block : 1));
  const repeated = b.add("Expand", [b.unsqueeze(value, [axis + 1]), b.int64(repeats)]);
  const joined = b.reshape(
    repeated,
    sizes.map((d, i) => (i === axis ? d * block : d)),
  );
  // The last block may be cut short.
  return sizes[axis]! * block === b.size(x, axis) ? joined : b.slice(joined, [axis], [0], [b.size(x, axis)]);
}

/** The gradient of a scale, given for each element of x. */
function gather({ node, b }: RuleContext, gradient: string, spread: Spread | null): string {
  if (!spread) return gradient;
  if (spread.block > 0) throw unsupported(node, "a scale a block that is not constant");
  return b.reduceSum(
    gradient,
    b.axesFrom(gradient, 0).filter((axis) => axis !== spread.axis),
    false,
  );
}

/** Whole numbers less their zero point, as float32: sums of their products are exact up to 2^24. */
export function centred(b: Ops, value: string, zero: string | undefined): string {
  const real = b.cast(value, "float32");
  return zero ? b.sub(real, b.cast(zero, "float32")) : real;
}

/** The largest value of the 8-bit floats, by their type code: they saturate there. */
const FLOAT8_MAX: Readonly<Record<number, number>> = { 17: 448, 18: 240, 19: 57344, 20: 57344, 23: 6 };

/** The type code of what a node quantises to, where the node or a constant zero point says it; else 0. */
export function codeOf(b: Ops, { attributes, inputs }: Node): number {
  const given = attributes.int("output_dtype", 0);
  const zero = inputs[2];
  if (given || !zero) return given;
  const maker = b.nodes.find((node) => node.op === "Constant" && node.outputs[0] === zero);
  const constant = maker?.attributes.protos.find((a) => a.name === "value")?.t;
  return (b.initializer(zero) ?? constant)?.dataType ?? 0;
}

function quantizeGradient(context: RuleContext): (string | null)[] {
  const { node, y, g, b, wants } = context;
  const [x, scale, zero] = context.x;
  const spread = spreadOf(b, node, scale!, x!);
  const step = meet(b, scale!, x!, spread);
  const real = b.div(b.cast(x!, b.fact(scale!).type ?? "float32"), step);
  const passed = b.where(saturates(), b.scalar(0, g), g);
  const byScale = () => gather(context, b.neg(b.div(b.mul(passed, real), step)), spread);
  return [b.div(passed, step), wants(1) ? byScale() : null];

  function saturates(): string {
    const largest = FLOAT8_MAX[codeOf(b, node)];
    if (largest !== undefined) return b.add("Greater", [b.add("Abs", [real]), b.scalar(largest, real)]);
    // Whatever the type: rounding alone gives y. Before opset 11, without Round, the very edge counts as inside.
    const rounded = b.opset >= 11 ? b.add("Round", [real]) : real;
    const got = b.cast(centred(b, y, zero && meet(b, zero, x!, spread)), b.fact(real).type ?? "float32");
    return b.add("Greater", [b.add("Abs", [b.sub(rounded, got)]), b.scalar(0.5, real)]);
  }
}

function dequantizeGradient(context: RuleContext): (string | null)[] {
  const { node, g, b, wants } = context;
  const [x, scale, zero] = context.x;
  const spread = spreadOf(b, node, scale!, x!);
  const byScale = () => gather(context, b.mul(g, centred(b, x!, zero && meet(b, zero, x!, spread))), spread);
  return [b.mul(g, meet(b, scale!, x!, spread)), wants(1) ? byScale() : null];
}

/** Of x alone: scale and zero point, which hold its range, count as constants; within them nothing saturates. */
function dynamicQuantizeGradient({ node, gradientOf, b }: RuleContext): string[] {
  const g = gradientOf(0);
  if (!g) throw unsupported(node, "only its scale or zero point in use");
  return [b.div(g, b.extraOutput(node, 1))];
}

function matMulIntegerGradient(context: RuleContext): (string | null)[] {
  const { b } = context;
  const [l, r, lZero, rZero] = context.x;
  // A zero point for each row of the left matrix; those of the columns of the right one meet them as they are.
  const rows = lZero && b.dims(lZero).length === 1 && b.dims(l!).length > 1 ? b.unsqueeze(lZero, [1]) : lZero;
  return [...linearRules.MatMul({ ...context, x: [centred(b, l!, rows), centred(b, r!, rZero)] })];
}

function convIntegerGradient(context: RuleContext): (string | null)[] {
  const { b } = context;
  const [x, w, xZero, wZero] = context.x;
  const filters =
    wZero && b.dims(wZero).length === 1
      ? b.reshape(
          wZero,
          b.dims(w!).map((_, i) => (i === 0 ? -1 : 1)),
        )
      : wZero;
  return [...convolutionRules.Conv({ ...context, x: [centred(b, x!, xZero), centred(b, w!, filters)] })];
}

export const quantizationRules = {
  QuantizeLinear: quantizeGradient,
  DequantizeLinear: dequantizeGradient,
  DynamicQuantizeLinear: dynamicQuantizeGradient,
  MatMulInteger: matMulIntegerGradient,
  ConvInteger: convIntegerGradient,
} satisfies Rules;

/** Operators whose rule is right for integers: it computes with the gradient alone, or knows them. */
export const carriesIntegers: ReadonlySet<string> = new Set([
  ...Object.keys(quantizationRules),
  "Add",
  "Cast",
  "Concat",
  "DepthToSpace",
  "Expand",
  "Flatten",
  "Gather",
  "Identity",
  "Pad",
  "Reshape",
  "Slice",
  "SpaceToDepth",
  "Split",
  "Squeeze",
  "Sub",
  "Tile",
  "Transpose",
  "Unsqueeze",
  "Where",
]);

const ROUNDING: Readonly<Record<string, ReadonlySet<string>>> = {
  "": new Set(["QuantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul"]),
  "com.microsoft": new Set(["QuantizeLinear", "DynamicQuantizeMatMul"]),
};

/** Whether a node rounds to integers and passes the gradient straight through. */
export function isStraightThrough({ op, domain, inputs }: Node): boolean {
  // Without a scale for its output, it gives real numbers.
  if (domain === "com.microsoft" && op === "QGemm") return Boolean(inputs[7]);
  return own(ROUNDING, domain)?.has(op) === true || (domain === "com.microsoft" && op.startsWith("QLinear"));
}
