import { normalizeAxis } from "../../onnx/dims.ts";
import type { Ops } from "../../onnx/ops.ts";
import { typeCode } from "../../onnx/tensor-proto.ts";
import { tensor } from "../../tensor.ts";
import type { Lowering, LoweringContext, Lowerings } from "../lowering.ts";
import { unsupported } from "../rules/constants.ts";
import { centred, codeOf } from "../rules/quantization.ts";
import { again, along, dequantized, quantized } from "./quantization.ts";

/** An operator on the real numbers behind X, with inputs X, its scale and zero point, and those of Y. */
const ofOne =
  (op: (context: LoweringContext, value: string) => string): Lowering =>
  (context) => {
    const { x, b } = context;
    const [value, scale, zero, newScale, newZero] = x;
    return [quantized(b, op(context, dequantized(b, value!, scale!, zero)), newScale!, newZero)];
  };

const ofTwo =
  (op: "Add" | "Mul"): Lowering =>
  ({ x: [l, lScale, lZero, r, rScale, rZero, scale, zero], b }) => {
    const reals = [dequantized(b, l!, lScale!, lZero), dequantized(b, r!, rScale!, rZero)];
    return [quantized(b, b.add(op, reals), scale!, zero)];
  };

const pooled = (op: "AveragePool" | "GlobalAveragePool") =>
  ofOne(({ node, b }, value) => {
    if (node.attributes.int("channels_last", 0) === 1) throw unsupported(node, "channels in the last axis");
    return again(b, node, op, [value], ["channels_last"]);
  });

const softmax = ofOne(({ node, b }, value) => {
  const axis = normalizeAxis(node.attributes.int("axis", -1), b.dims(value).length);
  // Its meaning is that of an opset of its own: over one axis, or over all from it on.
  const asHere = node.attributes.int("opset", 1) >= 13 === b.opset >= 13;
  if (!asHere && axis !== b.dims(value).length - 1) throw unsupported(node, "an axis in the sense of another opset");
  return b.add("Softmax", [value], { axis });
});

const concat: Lowering = ({ node, x: [scale, zero, ...parts], b }) => {
  const reals = Array.from({ length: Math.floor(parts.length / 3) }, (_, i) =>
    dequantized(b, parts[3 * i]!, parts[3 * i + 1]!, parts[3 * i + 2]),
  );
  return [quantized(b, again(b, node, "Concat", reals), scale!, zero)];
};

const choice: Lowering = ({ x: [condition, l, lScale, lZero, r, rScale, rZero, scale, zero], b }) => {
  const chosen = b.where(condition!, dequantized(b, l!, lScale!, lZero), dequantized(b, r!, rScale!, rZero));
  return [quantized(b, chosen, scale!, zero)];
};

/** α·op(A)·op(B) + C, where the scale of C is α·s_A·s_B; real numbers where no scale of Y is given. */
const qGemm: Lowering = ({ node, x: [l, lScale, lZero, r, rScale, rZero, bias, scale, zero], b }) => {
  const { attributes } = node;
  const [transA, transB] = [attributes.int("transA", 0), attributes.int("transB", 0)];
  const left = centred(b, l!, lZero);
  const right = centred(b, r!, along(b, rZero, transB ? 0 : 1, 2));
  const products = b.matmul(transA ? b.swap(left) : left, transB ? b.swap(right) : right);
  const sums = bias ? b.plus(products, b.cast(bias, "float32")) : products;
  const unit = b.mul(b.mul(lScale!, rScale!), b.scalar(attributes.float("alpha", 1), lScale!));
  const y = b.mul(sums, unit);
  return [scale ? quantized(b, y, scale, zero) : y];
};

/** Products of integers as real numbers; scales and zero points of B are one for all or one a column. */
function matMulToFloat(b: Ops, sums: string, unit: string, bias: string | undefined): string[] {
  const y = b.mul(b.cast(sums, "float32"), unit);
  return [bias ? b.plus(y, bias) : y];
}

const dynamicQuantizeMatMul: Lowering = ({ x: [l, r, rScale, rZero, bias], b }) => {
  const [left, scale, zero] = b.addMany("DynamicQuantizeLinear", [l!], 3);
  const sums = b.add("MatMulInteger", [left!, r!, zero!, ...(rZero ? [rZero] : [])]);
  return matMulToFloat(b, sums, b.mul(scale!, rScale!), bias);
};

const matMulIntegerToFloat: Lowering = ({ x: [l, r, lScale, rScale, lZero, rZero, bias], b }) =>
  matMulToFloat(b, b.matmul(centred(b, l!, lZero), centred(b, r!, rZero)), b.mul(lScale!, rScale!), bias);

/** The bounds of whole numbers, by their type code. */
const BOUNDS: Readonly<Record<number, readonly [number, number]>> = {
  2: [0, 2 ** 8 - 1],
  3: [-(2 ** 7), 2 ** 7 - 1],
  4: [0, 2 ** 16 - 1],
  5: [-(2 ** 15), 2 ** 15 - 1],
  21: [0, 15],
  22: [-8, 7],
};

/**
 * Whole numbers of any type, left as float32: before opset 21 the standard quantises to bytes only. So the last byte alone is
 * rounded by it, straight through; what is above that byte changes in steps.
 */
const quantize: Lowering = ({ node, x: [value, scale, zero], b }) => {
  const type = zero ? b.fact(zero).type : "uint8";
  const rank = b.dims(value!).length;
  const axis = normalizeAxis(node.attributes.int("axis", 1), rank);
  const spread = (list: string) => along(b, list, axis, rank)!;
  if ((type === "int8" || type === "uint8") && (b.opset >= 13 || spread(scale!) === scale))
    return [again(b, node, "QuantizeLinear", zero ? [value!, scale!, zero] : [value!, scale!])];
  const bounds = BOUNDS[codeOf(b, node) || (type && typeCode(type)) || 0];
  if (!bounds) throw unsupported(node, "this type of integers");
  const number = (n: number) => b.scalar(n, scale!);
  const offset = zero ? b.cast(spread(zero), "float32") : number(0);
  const [low, high] = bounds.map((bound) => b.sub(number(bound), offset)) as [string, string];
  // Half a step beyond a bound belongs to it, but for the tie, which would round away from it.
  const clip = (v: string, margin: number) =>
    b.add("Min", [b.add("Max", [v, b.sub(low, number(margin))]), b.plus(high, number(margin))]);
  const steps = b.div(value!, spread(scale!));
  const above = b.mul(b.add("Floor", [b.div(clip(b.add("Round", [steps]), 0), number(256))]), number(256));
  const zeroByte = b.constant(tensor("uint8", [], Uint8Array.of(0)));
  const last = quantized(b, b.sub(clip(steps, 0.49), above), number(1), zeroByte);
  return [b.plus(b.plus(b.cast(last, "float32"), above), offset)];
};

const dequantize: Lowering = ({ node, x: [value, scale, zero], b }) => {
  const rank = b.dims(value!).length;
  const axis = normalizeAxis(node.attributes.int("axis", 1), rank);
  return [dequantized(b, value!, along(b, scale, axis, rank)!, along(b, zero, axis, rank))];
};

export const microsoftQuantizationLowerings = {
  QuantizeLinear: quantize,
  DequantizeLinear: dequantize,
  QLinearAdd: ofTwo("Add"),
  QLinearMul: ofTwo("Mul"),
  QLinearSigmoid: ofOne(({ b }, value) => b.add("Sigmoid", [value])),
  QLinearLeakyRelu: ofOne(({ node, b }, value) => again(b, node, "LeakyRelu", [value])),
  QLinearSoftmax: softmax,
  QLinearAveragePool: pooled("AveragePool"),
  QLinearGlobalAveragePool: pooled("GlobalAveragePool"),
  QLinearConcat: concat,
  QLinearWhere: choice,
  QGemm: qGemm,
  DynamicQuantizeMatMul: dynamicQuantizeMatMul,
  MatMulIntegerToFloat: matMulIntegerToFloat,
} satisfies Lowerings;
