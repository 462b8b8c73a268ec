import type { Ops } from "../../onnx/ops.ts";
import { product } from "../../tensor.ts";
import type { RuleContext, Rules } from "../rule.ts";
import { unsupported } from "./constants.ts";

/** x with the mean 0 and the variance 1 over some axes: (x - mean)·inverse, with inverse = 1/√(variance + ε). */
interface Standardized {
  readonly unit: string;
  readonly inverse: string;
  /** Carries the gradient h of `unit` back to x. */
  readonly back: (h: string) => string;
}

interface StandardizeOptions {
  readonly axes: readonly number[];
  readonly epsilon: number;
  /** False: the mean is left in, and the variance is that around 0. */
  readonly centre?: boolean;
}

function standardize(b: Ops, x: string, { axes, epsilon, centre = true }: StandardizeOptions): Standardized {
  const mean = (value: string) => reduceMean(b, value, axes);
  const centred = centre ? b.sub(x, mean(x)) : x;
  const variance = mean(b.mul(centred, centred));
  const inverse = b.add("Reciprocal", [b.add("Sqrt", [b.plus(variance, b.scalar(epsilon, x))])]);
  const unit = b.mul(centred, inverse);
  // What shifts or stretches all elements alike has no effect, and is taken out of the gradient.
  const back = (h: string) => {
    const unshifted = centre ? b.sub(h, mean(h)) : h;
    return b.mul(b.sub(unshifted, b.mul(unit, mean(b.mul(h, unit)))), inverse);
  };
  return { unit, inverse, back };
}

const reduceMean = (b: Ops, value: string, axes: readonly number[]): string =>
  b.opset >= 18
    ? b.add("ReduceMean", [value, b.int64(axes)], { keepdims: 1 })
    : b.add("ReduceMean", [value], { axes, keepdims: 1 });

const epsilonOf = ({ node }: RuleContext): number => node.attributes.float("epsilon", 1e-5);

/** y = scale·standardized + B, over all axes from `axis` on. The mean and the inverse deviation are outputs, too. */
function layerNormalizationGradient(context: RuleContext): (string | null)[] {
  const { node, x, gradientOf, b, wants } = context;
  const [image, scale] = x as [string, string];
  const axes = b.axesFrom(image, node.attributes.int("axis", -1));
  const { unit, inverse, back } = standardize(b, image, { axes, epsilon: epsilonOf(context) });
  const type = b.fact(image).type ?? "float32";
  const [g, byMean, byInverse] = [0, 1, 2].map((i) => {
    const gradient = gradientOf(i);
    return gradient && b.cast(gradient, type);
  });
  const each = (statistic: string) =>
    b.div(statistic, b.scalar(product(axes.map((axis) => b.size(image, axis))), image));
  const byInput = () =>
    b.sum([
      ...(g ? [back(b.mul(g, scale))] : []),
      ...(byMean ? [b.expandLike(each(byMean), image)] : []),
      // ∂(1/σ)/∂x = -(x - mean)/(count·σ³).
      ...(byInverse ? [b.neg(b.mul(unit, each(b.mul(byInverse, b.mul(inverse, inverse)))))] : []),
    ]);
  // The statistics do not depend on scale and bias.
  const none = (i: number) => b.full(0, x[i]!);
  return [
    wants(0) ? byInput() : null,
    wants(1) ? (g ? b.mul(g, unit) : none(1)) : null,
    wants(2) ? (g ?? none(2)) : null,
  ];
}

/** The same without the mean and the bias (Zhang & Sennrich 2019, https://arxiv.org/abs/1910.07467). */
function rmsNormalizationGradient(context: RuleContext): (string | null)[] {
  const { node, x, g, b, wants } = context;
  const axes = b.axesFrom(x[0]!, node.attributes.int("axis", -1));
  const { unit, back } = standardize(b, x[0]!, { axes, epsilon: epsilonOf(context), centre: false });
  return [wants(0) ? back(b.mul(g, x[1]!)) : null, wants(1) ? b.mul(g, unit) : null];
}

/** Over the image of each channel, with one scale and bias a channel. */
function instanceNormalizationGradient(context: RuleContext): (string | null)[] {
  const { x, g, b, wants } = context;
  const axes = b.axesFrom(x[0]!, 2);
  const { unit, back } = standardize(b, x[0]!, { axes, epsilon: epsilonOf(context) });
  return [
    wants(0) ? back(b.mul(g, perChannel(b, x[1]!, g))) : null,
    wants(1) ? overChannels(b, b.mul(g, unit)) : null,
    wants(2) ? overChannels(b, g) : null,
  ];
}

const perChannel = (b: Ops, value: string, like: string): string =>
  b.reshape(value, [1, -1, ...b.axesFrom(like, 2).map(() => 1)]);

const overChannels = (b: Ops, value: string): string => b.reduceSum(value, [0, ...b.axesFrom(value, 2)], false);

/** Over groups of channels (Wu & He 2018, https://arxiv.org/abs/1803.08494); scale and bias are a group's at opset 18, later a channel's. */
function groupNormalizationGradient(context: RuleContext): (string | null)[] {
  const { node, x, g, b, wants } = context;
  const [image, scale] = x as [string, string];
  const grouped = (value: string) => b.reshape(value, [0, node.attributes.int("num_groups", 1), -1]);
  const { unit, back } = standardize(b, grouped(image), { axes: [2], epsilon: epsilonOf(context) });
  const [slope, units] = b.opset < 21 ? [grouped(g), unit] : [g, b.reshapeLike(unit, image)];
  return [
    wants(0) ? b.reshapeLike(back(grouped(b.mul(slope, perChannel(b, scale, slope)))), image) : null,
    wants(1) ? overChannels(b, b.mul(slope, units)) : null,
    wants(2) ? overChannels(b, slope) : null,
  ];
}

/** Standardized over `axes`: by default all but the channels, so that the samples of a batch depend on each other. */
function meanVarianceGradient({ node, x: [x], g, b }: RuleContext): string[] {
  const { attributes } = node;
  if (attributes.int("normalize_variance", 1) === 0) throw unsupported(node, "normalize_variance 0");
  const all = attributes.int("across_channels", 0) === 1;
  const axes = attributes.ints("axes", all ? [0, 1, 2, 3] : [0, 2, 3]);
  // The standard adds 1e-9 to the deviation.
  return [standardize(b, x!, { axes, epsilon: 1e-18 }).back(g)];
}

export const standardizationRules = {
  LayerNormalization: layerNormalizationGradient,
  RMSNormalization: rmsNormalizationGradient,
  InstanceNormalization: instanceNormalizationGradient,
  GroupNormalization: groupNormalizationGradient,
  MeanVarianceNormalization: meanVarianceGradient,
} satisfies Rules;
