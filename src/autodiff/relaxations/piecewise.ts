import type { Node } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import type { RelaxationContext, Relaxations } from "../relaxation.ts";
import { type Curve, curve, type Ends, larger, magnitude, smaller } from "./curve.ts";

/** A function of straight pieces, which bends nowhere but at its kinks. */
const pieces = (kinks: (node: Node) => readonly number[], others: Omit<Curve, "turns" | "isOpen">) =>
  curve({
    ...others,
    turns: (_, __, { node }) => kinks(node),
    isOpen: (node, lower, upper) => kinks(node).some((kink) => lower < kink && kink < upper),
  });

const positive = (b: Ops, z: string): string => larger(b, z, b.scalar(0, z));
const negative = (b: Ops, z: string): string => smaller(b, z, b.scalar(0, z));

/**
 * Where 0 is inside, the slope that `share` asks for between those of the two pieces; else the steeper one if more of the interval is above 0: the
 * line that leaves the smaller area (Zhang et al. 2018, §3.3).
 */
const adaptive =
  (below: (node: Node) => number) =>
  ({ node, b, share }: RelaxationContext, { l, u, chord }: Ends) => {
    const crosses = b.add("And", [b.add("Less", [l, b.scalar(0, l)]), b.add("Greater", [u, b.scalar(0, u)])]);
    const [one, least] = [b.scalar(1, u), b.scalar(below(node), u)];
    const between = (α: string) => b.plus(least, b.mul(α, b.sub(one, least)));
    const chosen = share ? between(b.cast(share, "float64")) : b.where(b.add("Greater", [u, b.neg(l)]), one, least);
    return { lower: b.where(crosses, chosen, chord) };
  };

const EXACT = { relative: 0, absolute: 0 };
/** One product in float32. */
const ONCE = { relative: 1, absolute: 0 };
const float = (node: Node, name: string, fallback: number): number =>
  Math.fround(node.attributes.float(name, fallback));
const leak = (node: Node): number => float(node, "alpha", 0.01);

/** Where α·z + β meets 0 and 1. */
const hardEnds = (node: Node): readonly [number, number] => {
  const [alpha, beta] = [float(node, "alpha", 0.2), float(node, "beta", 0.5)];
  return [-beta / alpha, (1 - beta) / alpha];
};

export const piecewiseRelaxations = {
  Relu: pieces(() => [0], {
    value: positive,
    rises: true,
    slopes: adaptive(() => 0),
    error: EXACT,
    bendsAtZero: true,
  }),
  LeakyRelu: pieces(() => [0], {
    value: (b, z, { node }) => b.plus(positive(b, z), b.mul(negative(b, z), b.scalar(leak(node), z))),
    rises: false,
    slopes: adaptive(leak),
    error: ONCE,
    bendsAtZero: true,
  }),
  Abs: pieces(() => [0], { value: magnitude, rises: false, error: EXACT }),
  HardSigmoid: pieces(hardEnds, {
    value: (b, z, { node }) => {
      const [alpha, beta] = [float(node, "alpha", 0.2), float(node, "beta", 0.5)];
      const line = b.plus(b.mul(z, b.scalar(alpha, z)), b.scalar(beta, z));
      return smaller(b, positive(b, line), b.scalar(1, z));
    },
    rises: false,
    // Of a product and a sum whose parts may be larger than 1, where the result is not.
    error: { relative: 2, absolute: 4 },
  }),
} satisfies Relaxations;
