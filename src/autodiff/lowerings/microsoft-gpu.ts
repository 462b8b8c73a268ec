import type { Ops } from "../../onnx/ops.ts";
import { product } from "../../tensor.ts";
import type { Lowering, LoweringContext, Lowerings } from "../lowering.ts";
import { unsupported } from "../rules/constants.ts";
import { gelu } from "./microsoft-activation.ts";
import { fusedConv } from "./microsoft-fused.ts";

const channelsFirst = (b: Ops, x: string): string => {
  const rank = b.dims(x).length;
  return b.transpose(x, [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, i) => i + 1)]);
};
const channelsLast = (b: Ops, x: string): string =>
  b.transpose(x, [0, ...Array.from({ length: b.dims(x).length - 2 }, (_, i) => i + 2), 1]);

/** FusedConv on images [n, ...spatial, channels]; the weights stay [outputs, channels, ...kernel]. */
const nhwcConv: Lowering = (context) => {
  const { x, b } = context;
  const y = fusedConv({
    ...context,
    x: x.map((name, i) => ((i === 0 || i === 3) && name ? channelsFirst(b, name) : name)),
  });
  return [channelsLast(b, y[0]!)];
};

/** The softmax of data + bias, over all axes from `axis` on. */
function biasSoftmax({ node, x: [data, bias], b }: LoweringContext): string[] {
  const sum = b.plus(data!, bias!);
  const axes = b.axesFrom(sum, node.attributes.int("axis", 1));
  if (b.opset < 13) return [b.add("Softmax", [sum], { axis: axes[0]! })];
  if (axes.length === 1) return [b.add("Softmax", [sum], { axis: -1 })];
  const rows = b.reshape(sum, [-1, product(b.sizes(sum, axes[0]))]);
  return [b.reshapeLike(b.add("Softmax", [rows], { axis: -1 }), sum)];
}

/** The left half of each vector times the Gelu of the right half. */
function biasSplitGelu({ x: [x, bias], b }: LoweringContext): string[] {
  const sum = b.plus(x!, bias!);
  const last = b.dims(sum).length - 1;
  const size = b.size(sum, last);
  const half = (start: number) => b.slice(sum, [last], [start], [start + size / 2]);
  return [b.mul(half(0), gelu(b, half(size / 2)))];
}

/** Nothing is dropped outside training. */
function biasDropout({ node, x: [data, bias, residual, , training], b }: LoweringContext): string[] {
  if (training && b.fact(training).values?.[0] !== 0) throw unsupported(node, "a training_mode that is not false");
  if (node.outputs[1]) throw unsupported(node, "a mask");
  const sum = b.plus(data!, bias!);
  return [residual ? b.plus(sum, residual) : sum];
}

/** Group normalisation (https://arxiv.org/abs/1803.08494), then perhaps SiLU. */
function groupNorm({ node, x: [x, gamma, beta], b }: LoweringContext): string[] {
  const { attributes } = node;
  const isLast = attributes.int("channels_last", 1) === 1;
  const image = isLast ? channelsFirst(b, x!) : x!;
  const [groups, [channels]] = [attributes.int("groups", 1), b.sizes(image, 1)];
  const ones = b
    .dims(image)
    .slice(2)
    .map(() => 1);
  const apart = b.reshape(image, [-1, groups, product(b.sizes(image, 1)) / groups]);
  const all = (value: number) => b.add("Expand", [b.scalar(value, apart), b.int64([groups])]);
  const epsilon = { float: attributes.float("epsilon", 1e-5) };
  const normal = b.reshapeLike(b.add("InstanceNormalization", [apart, all(1), all(0)], { epsilon }), image);
  const each = (values: string) => b.reshape(values, [channels!, ...ones]);
  const y = b.plus(b.mul(normal, each(gamma!)), each(beta!));
  const active = attributes.int("activation", 0) === 1 ? b.mul(y, b.add("Sigmoid", [y])) : y;
  return [isLast ? channelsLast(b, active) : active];
}

/** The group normalisation of x + skip + bias, and that sum. */
function skipGroupNorm(context: LoweringContext): string[] {
  const { x, b } = context;
  const [image, gamma, beta, skip, bias] = x;
  if (b.dims(skip!).length !== b.dims(image!).length) throw unsupported(context.node, "a skip of another rank");
  const isLast = context.node.attributes.int("channels_last", 1) === 1;
  const sum = b.plus(image!, skip!);
  const ones = b
    .dims(image!)
    .slice(2)
    .map(() => 1);
  const whole = bias ? b.plus(sum, isLast ? bias : b.reshape(bias, [-1, ...ones])) : sum;
  return [...groupNorm({ ...context, x: [whole, gamma!, beta!] }), whole];
}

/** Operators of which ONNX Runtime has kernels for other processors only. */
export const microsoftGpuLowerings = {
  BiasAdd: ({ x: [x, bias, skip], b }) => [b.plus(b.plus(x!, bias!), skip!)],
  BiasDropout: biasDropout,
  BiasSoftmax: biasSoftmax,
  BiasSplitGelu: biasSplitGelu,
  GroupNorm: groupNorm,
  NhwcConv: nhwcConv,
  NhwcFusedConv: nhwcConv,
  SkipGroupNorm: skipGroupNorm,
} satisfies Lowerings;
