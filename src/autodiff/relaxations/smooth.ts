import type { Ops } from "../../onnx/ops.ts";
import type { RelaxationContext, Relaxations } from "../relaxation.ts";
import { type Curve, curve, type Ends, larger, smaller } from "./curve.ts";

const one = (b: Ops, like: string): string => b.scalar(1, like);
const half = (b: Ops, x: string): string => b.mul(x, b.scalar(0.5, x));

const sigmoid = (b: Ops, z: string): string => b.div(one(b, z), b.plus(one(b, z), b.exp(b.neg(z))));
const tanh = (b: Ops, z: string): string => {
  // By exp(-2|z|), which cannot overflow.
  const e = b.exp(b.mul(b.add("Abs", [z]), b.scalar(-2, z)));
  return b.mul(b.add("Sign", [z]), b.div(b.sub(one(b, z), e), b.plus(one(b, z), e)));
};

/** √max(x, 0) */
const root = (b: Ops, x: string): string => b.add("Sqrt", [larger(b, x, b.scalar(0, x))]);
/** log x of what is not below the smallest double that is normal. */
const log = (b: Ops, x: string): string => b.add("Log", [larger(b, x, b.scalar(2 ** -1000, x))]);

/**
 * Slopes for a curve that bends up below 0 and down above. Where it bends one way only, the line on the side that it leaves touches
 * it in the middle, and the other is the chord; else both have the smaller slope of the two ends (Singh et al. 2019, §4.4).
 */
const sShaped =
  (slope: (b: Ops, z: string) => string): NonNullable<Curve["slopes"]> =>
  ({ b }: RelaxationContext, { l, u, chord }: Ends) => {
    const zero = b.scalar(0, l);
    const middle = slope(b, half(b, b.plus(l, u)));
    const least = smaller(b, slope(b, l), slope(b, u));
    const [bendsUp, bendsDown] = [
      b.add("Not", [b.add("Greater", [u, zero])]),
      b.add("Not", [b.add("Less", [l, zero])]),
    ];
    return {
      lower: b.where(bendsUp, middle, b.where(bendsDown, chord, least)),
      upper: b.where(bendsUp, chord, b.where(bendsDown, middle, least)),
    };
  };

const isWide: Curve["isOpen"] = (_, lower, upper) => lower < upper;

export const smoothRelaxations = {
  // σ' = σ(1 - σ) = λ where σ = (1 ± √(1 - 4λ))/2.
  Sigmoid: curve({
    value: sigmoid,
    turns: (b, λ) => {
      const r = root(b, b.sub(one(b, λ), b.mul(λ, b.scalar(4, λ))));
      const s = half(b, b.plus(one(b, λ), r));
      // The smaller of the two is the larger's counterpart: λ/s, which does not cancel.
      const z = b.sub(log(b, s), log(b, b.div(λ, s)));
      return [z, b.neg(z)];
    },
    slopes: sShaped((b, z) => {
      const s = sigmoid(b, z);
      return b.mul(s, b.sub(one(b, s), s));
    }),
    rises: true,
    error: { relative: 4, absolute: 4 },
    isOpen: isWide,
  }),
  // tanh' = 1 - t² = λ where t = ±√(1 - λ).
  Tanh: curve({
    value: tanh,
    turns: (b, λ) => {
      const t = root(b, b.sub(one(b, λ), λ));
      const z = half(b, b.sub(log(b, b.plus(one(b, t), t)), log(b, b.div(λ, b.plus(one(b, t), t)))));
      return [z, b.neg(z)];
    },
    slopes: sShaped((b, z) => {
      const t = tanh(b, z);
      return b.sub(one(b, t), b.mul(t, t));
    }),
    rises: true,
    error: { relative: 4, absolute: 4 },
    isOpen: isWide,
  }),
} satisfies Relaxations;
