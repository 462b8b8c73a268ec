import type { Ops } from "../../onnx/ops.ts";
import type { RuleContext, Rules } from "../rule.ts";

const positive = (b: Ops, x: string): string => b.add("Greater", [x, b.scalar(0, x)]);

/** g above 0, g·slope at 0 and below. */
const bend = ({ g, x: [x], b }: RuleContext, slope: string): string => b.where(positive(b, x!), g, b.mul(g, slope));

/** g inside the open interval, 0 elsewhere. */
function inside({ g, b }: RuleContext, value: string, low: number, high: number): string {
  const within = b.add("And", [
    b.add("Greater", [value, b.scalar(low, value)]),
    b.add("Less", [value, b.scalar(high, value)]),
  ]);
  return b.where(within, g, b.scalar(0, g));
}

/** x·Φ(x), by its exact form or by the one with tanh (Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415, §2). */
function geluGradient({ node, g, x: [x], b }: RuleContext): string[] {
  const scalar = (value: number) => b.scalar(value, x!);
  if (node.attributes.string("approximate", "none") === "none") {
    const cumulative = b.mul(scalar(0.5), b.plus(scalar(1), b.add("Erf", [b.mul(x!, scalar(Math.SQRT1_2))])));
    const density = b.mul(scalar(1 / Math.sqrt(2 * Math.PI)), b.exp(b.mul(scalar(-0.5), b.mul(x!, x!))));
    return [b.mul(g, b.plus(cumulative, b.mul(x!, density)))];
  }
  const [c, k] = [Math.sqrt(2 / Math.PI), 0.044715];
  const squared = b.mul(x!, x!);
  const t = b.add("Tanh", [b.mul(scalar(c), b.mul(x!, b.plus(scalar(1), b.mul(scalar(k), squared))))]);
  const inner = b.mul(scalar(c), b.plus(scalar(1), b.mul(scalar(3 * k), squared)));
  const tail = b.mul(b.mul(x!, b.sub(scalar(1), b.mul(t, t))), inner);
  return [b.mul(g, b.mul(scalar(0.5), b.plus(b.plus(scalar(1), t), tail)))];
}

/** x·tanh(softplus(x)) (Misra 2019, https://arxiv.org/abs/1908.08681). */
function mishGradient({ g, x: [x], b }: RuleContext): string[] {
  const t = b.add("Tanh", [b.add("Softplus", [x!])]);
  const rise = b.mul(b.mul(x!, b.add("Sigmoid", [x!])), b.sub(b.scalar(1, x!), b.mul(t, t)));
  return [b.mul(g, b.plus(t, rise))];
}

/** x·clip(x/6 + 1/2, 0, 1): 0 up to -3, 1 from 3 on. */
function hardSwishGradient({ g, x: [x], b }: RuleContext): string[] {
  const scalar = (value: number) => b.scalar(value, x!);
  const middle = b.mul(g, b.plus(b.div(x!, scalar(3)), scalar(0.5)));
  const upper = b.where(b.add("Less", [x!, scalar(3)]), middle, g);
  return [b.where(b.add("Greater", [x!, scalar(-3)]), upper, b.scalar(0, g))];
}

const isShrunk = (b: Ops, x: string, limit: number): string =>
  b.add("Greater", [b.add("Abs", [x]), b.scalar(limit, x)]);

export const activationRules = {
  // The slope α at 0.
  LeakyRelu: (context) => {
    const { node, y, b } = context;
    return [bend(context, b.scalar(node.attributes.float("alpha", 0.01), y))];
  },
  // α(exp(x) - 1) at 0 and below, whose slope is y + α: α at 0.
  Elu: (context) => {
    const { node, y, b } = context;
    return [bend(context, b.plus(y, b.scalar(node.attributes.float("alpha", 1), y)))];
  },
  // γα at 0.
  Selu: ({ node, g, x: [x], y, b }) => {
    const alpha = node.attributes.float("alpha", 1.6732631921768188);
    const gamma = node.attributes.float("gamma", 1.0507010221481323);
    const below = b.plus(y, b.scalar(alpha * gamma, y));
    return [b.mul(g, b.where(positive(b, x!), b.scalar(gamma, y), below))];
  },
  Celu: (context) => {
    const { node, y, b } = context;
    return [bend(context, b.plus(b.div(y, b.scalar(node.attributes.float("alpha", 1), y)), b.scalar(1, y)))];
  },
  PRelu: (context) => {
    const { g, b, wants } = context;
    const [x, slope] = context.x;
    const bySlope = () => b.where(positive(b, x!), b.scalar(0, g), b.mul(g, x!));
    return [wants(0) ? bend(context, slope!) : null, wants(1) ? bySlope() : null];
  },
  // 0 at both ends.
  HardSigmoid: (context) => {
    const { node, y, b } = context;
    return [b.mul(inside(context, y, 0, 1), b.scalar(node.attributes.float("alpha", 0.2), y))];
  },
  HardSwish: hardSwishGradient,
  Softplus: ({ g, x: [x], b }) => [b.mul(g, b.add("Sigmoid", [x!]))],
  Softsign: ({ g, x: [x], b }) => {
    const size = b.plus(b.scalar(1, x!), b.add("Abs", [x!]));
    return [b.div(g, b.mul(size, size))];
  },
  ThresholdedRelu: ({ node, g, x: [x], b }) => [
    b.where(b.add("Greater", [x!, b.scalar(node.attributes.float("alpha", 1), x!)]), g, b.scalar(0, g)),
  ],
  Shrink: ({ node, g, x: [x], b }) => [
    b.where(isShrunk(b, x!, node.attributes.float("lambd", 0.5)), g, b.scalar(0, g)),
  ],
  Gelu: geluGradient,
  Mish: mishGradient,
} satisfies Rules;
