import type { Ops } from "../../onnx/ops.ts";
import { product } from "../../tensor.ts";
import type { LoweringContext, Lowerings } from "../lowering.ts";
import { unsupported } from "../rules/constants.ts";

/** The mean over axes of known sizes, which stay with size 1. */
const mean = (b: Ops, x: string, axes: readonly number[]): string =>
  b.div(b.reduceSum(x, axes, true), b.scalar(product(axes.map((axis) => b.size(x, axis))), x));

/** √(mean of x² + ε) */
const deviation = (b: Ops, x: string, axes: readonly number[], epsilon: number): string =>
  b.add("Sqrt", [b.plus(mean(b, b.mul(x, x), axes), b.scalar(epsilon, x))]);

/** Layer normalisation over the last axis; the standard operator came with opset 17. */
function layerNormalization(b: Ops, x: string, scale: string, bias: string | undefined, epsilon: number): string {
  const given = bias ? [scale, bias] : [scale];
  if (b.opset >= 17) return b.add("LayerNormalization", [x, ...given], { axis: -1, epsilon: { float: epsilon } });
  const last = [b.dims(x).length - 1];
  const centred = b.sub(x, mean(b, x, last));
  const scaled = b.mul(b.div(centred, deviation(b, centred, last, epsilon)), scale);
  return bias ? b.plus(scaled, bias) : scaled;
}

/** x over its root mean square (Zhang and Sennrich 2019, https://arxiv.org/abs/1910.07467). */
const rmsNormalization = (b: Ops, x: string, scale: string, deviations: string): string =>
  b.mul(b.div(x, deviations), scale);

/** ONNX Runtime's own, in the standard domain: y and 1/√(mean of x² + ε). */
function simplifiedLayerNormalization({ node, x: [x, scale], b }: LoweringContext): string[] {
  const axes = b.axesFrom(x!, node.attributes.int("axis", -1));
  const deviations = deviation(b, x!, axes, node.attributes.float("epsilon", 1e-5));
  return [rmsNormalization(b, x!, scale!, deviations), b.add("Reciprocal", [deviations])];
}

/** What is normalised: the sum of input, skip and bias. Only it and the result are written outside training. */
function skipSum({ node, x: [input, skip], b }: LoweringContext, bias: string | undefined): string {
  if (node.outputs[1] || node.outputs[2]) throw unsupported(node, "outputs of training");
  const sum = b.plus(input!, skip!);
  return bias ? b.plus(sum, bias) : sum;
}

function skipLayerNormalization(context: LoweringContext): string[] {
  const { node, x, b } = context;
  const sum = skipSum(context, x[4]);
  const y = layerNormalization(b, sum, x[2]!, x[3] || undefined, node.attributes.float("epsilon", 1e-12));
  return [y, "", "", sum];
}

function skipSimplifiedLayerNormalization(context: LoweringContext): string[] {
  const { node, x, b } = context;
  const sum = skipSum(context, x[3]);
  const deviations = deviation(b, sum, [b.dims(sum).length - 1], node.attributes.float("epsilon", 1e-12));
  return [rmsNormalization(b, sum, x[2]!, deviations), "", "", sum];
}

export const simplifiedNormalizationLowerings = {
  SimplifiedLayerNormalization: simplifiedLayerNormalization,
} satisfies Lowerings;

export const microsoftNormalizationLowerings = {
  SkipLayerNormalization: skipLayerNormalization,
  SkipSimplifiedLayerNormalization: skipSimplifiedLayerNormalization,
} satisfies Lowerings;
