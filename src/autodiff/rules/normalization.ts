import { PerturbError } from "../../errors.ts";
import { describeNode, type Node } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import { product } from "../../tensor.ts";
import type { RuleContext, Rules } from "../rule.ts";

/** With stored statistics: y = scale·(x - mean)/√(var + ε) + B, each of them one value a channel. */
function batchNormalizationGradient({
  node,
  x: [x, scale, , mean, variance],
  g,
  b,
  wants,
}: RuleContext): (string | null)[] {
  if (node.attributes.int("training_mode", 0) === 1) throw inTraining(node);
  const rank = b.dims(x!).length;
  const spread = (value: string) => b.reshape(value, [1, -1, ...new Array<number>(Math.max(0, rank - 2)).fill(1)]);
  const deviation = b.add("Sqrt", [b.plus(variance!, b.scalar(node.attributes.float("epsilon", 1e-5), variance!))]);
  const overAllButChannels = (value: string) => b.reduceSum(value, [0, ...b.axesFrom(x!, 2)], false);
  const byInput = () => b.mul(g, spread(b.div(scale!, deviation)));
  const centred = () => b.sub(x!, spread(mean!));
  const byVariance = () => {
    const slope = b.div(scale!, b.mul(b.scalar(-2, scale!), b.mul(deviation, b.mul(deviation, deviation))));
    return b.mul(overAllButChannels(b.mul(g, centred())), slope);
  };
  return [
    wants(0) ? byInput() : null,
    wants(1) ? b.div(overAllButChannels(b.mul(g, centred())), deviation) : null,
    wants(2) ? overAllButChannels(g) : null,
    wants(3) ? b.neg(b.mul(overAllButChannels(g), b.div(scale!, deviation))) : null,
    wants(4) ? byVariance() : null,
  ];
}

/** x standardized over axes of known sizes, and what carries a gradient back through that. */
function standardize(b: Ops, x: string, axes: readonly number[], epsilon: number) {
  const count = b.scalar(product(axes.map((axis) => b.size(x, axis))), x);
  const mean = (value: string) => b.div(b.reduceSum(value, axes, true), count);
  const centred = b.sub(x, mean(x));
  const deviation = b.add("Sqrt", [b.plus(mean(b.mul(centred, centred)), b.scalar(epsilon, x))]);
  const unit = b.div(centred, deviation);
  /** What shifts or stretches all elements alike has no effect, and is taken out of the gradient. */
  const back = (h: string) => b.div(b.sub(b.sub(h, mean(h)), b.mul(unit, mean(b.mul(h, unit)))), deviation);
  return { unit, back };
}

/** y = scale·standardized + B, over all axes from `axis` on. */
function layerNormalizationGradient({ node, x: [x, scale], g, b, wants }: RuleContext): (string | null)[] {
  const axes = b.axesFrom(x!, node.attributes.int("axis", -1));
  const { unit, back } = standardize(b, x!, axes, node.attributes.float("epsilon", 1e-5));
  return [wants(0) ? back(b.mul(g, scale!)) : null, wants(1) ? b.mul(g, unit) : null, wants(2) ? g : null];
}

/** The same over the image of each channel, with one scale and bias a channel. */
function instanceNormalizationGradient({ node, x: [x, scale], g, b, wants }: RuleContext): (string | null)[] {
  const axes = b.axesFrom(x!, 2);
  const { unit, back } = standardize(b, x!, axes, node.attributes.float("epsilon", 1e-5));
  const spread = b.reshape(scale!, [1, -1, ...axes.map(() => 1)]);
  const byChannel = (value: string) => b.reduceSum(value, [0, ...axes], false);
  return [
    wants(0) ? back(b.mul(g, spread)) : null,
    wants(1) ? byChannel(b.mul(g, unit)) : null,
    wants(2) ? byChannel(g) : null,
  ];
}

/** Inference only, where it is the identity. */
function dropoutGradient({ node, x: [, , training], g, b }: RuleContext): string[] {
  const mode = training ? b.fact(training).values : [0];
  if (mode?.[0] !== 0 && !(b.opset < 12)) throw inTraining(node);
  return [g];
}

const inTraining = (node: Node) =>
  new PerturbError(
    "unsupported",
    `${describeNode(node)} is in training mode, so the model answers differently each time. Export it after model.eval().`,
  );

export const normalizationRules = {
  BatchNormalization: batchNormalizationGradient,
  LayerNormalization: layerNormalizationGradient,
  InstanceNormalization: instanceNormalizationGradient,
  Dropout: dropoutGradient,
} satisfies Rules;
