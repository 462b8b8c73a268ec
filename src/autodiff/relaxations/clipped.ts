import type { Ops } from "../../onnx/ops.ts";
import type { RelaxationContext, Relaxations } from "../relaxation.ts";
import { isWide, one, zero } from "./bends.ts";
import { curve, f64, larger, smaller } from "./curve.ts";

/** The limits of a Clip in float64, where it has them. */
function limits({ node, b }: RelaxationContext): { readonly low?: string; readonly high?: string } {
  const limit = (i: number, name: "min" | "max", like: string): string | undefined => {
    const given = node.inputs[i];
    if (given) return f64(b, given);
    const value = node.inputs.length === 1 ? node.attributes.float(name, Number.NaN) : Number.NaN;
    return Number.isNaN(value) ? undefined : b.scalar(Math.fround(value), like);
  };
  const like = f64(b, node.inputs[0]!);
  const [low, high] = [limit(1, "min", like), limit(2, "max", like)];
  return { ...(low && { low }), ...(high && { high }) };
}

const clipped = (b: Ops, z: string, { low, high }: ReturnType<typeof limits>): string => {
  const above = low ? larger(b, z, low) : z;
  return high ? smaller(b, above, high) : above;
};

/** What is straight but where it is cut off. */
export const clippedRelaxations = {
  Clip: curve({
    value: (b, z, context) => clipped(b, z, limits(context)),
    turns: (_, __, context) => Object.values(limits(context)),
    // On the side of a limit, level or from there to the other end, whichever leaves the smaller area.
    slopes: (context, { l, u, chord }) => {
      const { b } = context;
      const { low, high } = limits(context);
      const from = (limit: string, at: string, other: string) => {
        const isCut = b.add("Greater", [b.mul(b.sub(limit, at), b.sub(other, limit)), zero(b, at)]);
        const rise = b.div(
          b.sub(clipped(b, other, { ...(low && { low }), ...(high && { high }) }), limit),
          b.where(isCut, b.sub(other, limit), one(b, at)),
        );
        const isMostlyBeyond = b.add("Greater", [
          b.add("Abs", [b.sub(other, limit)]),
          b.add("Abs", [b.sub(limit, at)]),
        ]);
        return b.where(isCut, b.where(isMostlyBeyond, rise, zero(b, at)), chord);
      };
      return { lower: low ? from(low, l, u) : chord, upper: high ? from(high, u, l) : chord };
    },
    rises: true,
    error: { relative: 0, absolute: 0 },
    isOpen: isWide,
  }),
  // z above 0, below 0 that times a slope of its own.
  PRelu: curve({
    value: (b, z, { node }) =>
      b.plus(larger(b, z, zero(b, z)), b.mul(smaller(b, z, zero(b, z)), f64(b, node.inputs[1]!))),
    turns: () => [0],
    slopes: ({ node, b }, { l, u, chord }) => {
      const slope = f64(b, node.inputs[1]!);
      const crosses = b.add("Less", [b.mul(l, u), zero(b, l)]);
      const steeper = b.where(b.add("Greater", [u, b.neg(l)]), one(b, u), slope);
      const isUp = b.add("Less", [slope, one(b, slope)]);
      const [up, down] = [b.add("And", [crosses, isUp]), b.add("And", [crosses, b.add("Not", [isUp])])];
      return { lower: b.where(up, steeper, chord), upper: b.where(down, steeper, chord) };
    },
    rises: false,
    error: { relative: 1, absolute: 0 },
    isOpen: (_, lower, upper) => lower < 0 && 0 < upper,
  }),
} satisfies Relaxations;
