import { PerturbError } from "../../errors.ts";
import { describeNode, type Node } from "../../onnx/graph.ts";
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
  // Before opset 14, outputs after the first said so.
  const trains = node.attributes.int("training_mode", 0) === 1 || node.outputs.slice(1).some((name) => name !== "");
  if (trains) throw inTraining(node);
  const rank = b.dims(x!).length;
  // Statistics of each element of a sample, which opsets 7 and 8 had.
  const each = b.opset < 9 && node.attributes.int("spatial", 1) === 0;
  const shape = rank === 1 ? [-1] : [1, -1, ...new Array<number>(Math.max(0, rank - 2)).fill(1)];
  const spread = (value: string) => (each ? value : b.reshape(value, shape));
  const deviation = b.add("Sqrt", [b.plus(variance!, b.scalar(node.attributes.float("epsilon", 1e-5), variance!))]);
  const others = each || rank === 1 ? [0] : [0, ...b.axesFrom(x!, 2)];
  const overAllButChannels = (value: string) => b.reduceSum(value, others, rank === 1);
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

/** y = x/‖x‖ along one axis; at ‖x‖ = 0, where y is 0, the gradient is 0. */
function lpNormalizationGradient({ node, x: [x], y, g, b }: RuleContext): string[] {
  const axes = [node.attributes.int("axis", -1)];
  const type = b.fact(x!).type ?? "float32";
  const zero = b.scalar(0, x!);
  const sum = (value: string) => b.reduceSum(value, axes, true);
  const manhattan = node.attributes.int("p", 2) === 1;
  const norm = manhattan ? sum(b.add("Abs", [x!])) : b.add("Sqrt", [sum(b.mul(x!, x!))]);
  const isZero = b.cast(b.equal(norm, zero), type);
  const cast = (condition: string) => b.cast(condition, type);
  const slope = manhattan ? b.sub(cast(b.add("Greater", [x!, zero])), cast(b.add("Less", [x!, zero]))) : y;
  const across = b.sub(g, b.mul(slope, sum(b.mul(g, y))));
  return [b.mul(b.div(across, b.plus(norm, isZero)), b.sub(b.scalar(1, x!), isZero))];
}

/** y = x·s^-β with s = bias + α/size · Σx² over neighbouring channels (Krizhevsky et al. 2012, §3.3). */
function lrnGradient({ node, x: [x], y, g, b }: RuleContext): string[] {
  const { attributes } = node;
  const size = attributes.int("size", 1);
  const [alpha, beta, bias] = [
    attributes.float("alpha", 1e-4),
    attributes.float("beta", 0.75),
    attributes.float("bias", 1),
  ];
  const [before, after] = [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)];
  const [channels, ...spatial] = b.sizes(x!, 1);
  /** 1/size · Σ over the neighbours, of which there are `low` before a channel. */
  const average = (value: string, low: number, high: number) =>
    b.reshapeLike(
      b.add("AveragePool", [b.reshape(value, [-1, 1, channels!, product(spatial)])], {
        kernel_shape: [size, 1],
        pads: [low, 0, high, 0],
        count_include_pad: 1,
      }),
      x!,
    );
  const scaled = (value: string, by: number) => b.mul(value, b.scalar(by, x!));
  const s = b.plus(scaled(average(b.mul(x!, x!), before, after), alpha), b.scalar(bias, x!));
  const direct = b.mul(g, b.add("Pow", [s, b.scalar(-beta, x!)]));
  const throughNeighbours = average(b.div(b.mul(g, y), s), after, before);
  return [b.sub(direct, scaled(b.mul(x!, throughNeighbours), 2 * alpha * beta))];
}

/** Where it is the identity: in inference, or with the ratio 0. */
function dropoutGradient({ node, x: [, ratio, training], g, b, wants }: RuleContext): (string | null)[] {
  const mode = training ? b.fact(training).values : [0];
  const all = ratio && b.fact(ratio).floats?.[0] === 0;
  if (mode?.[0] !== 0 && !all && !(b.opset < 12)) throw inTraining(node);
  return [g, wants(1) ? b.full(0, ratio!) : null];
}

const inTraining = (node: Node) =>
  new PerturbError(
    "unsupported",
    `${describeNode(node)} is in training mode, so the model answers differently each time. Export it after model.eval().`,
  );

export const normalizationRules = {
  BatchNormalization: batchNormalizationGradient,
  LpNormalization: lpNormalizationGradient,
  LRN: lrnGradient,
  Dropout: dropoutGradient,
} satisfies Rules;
