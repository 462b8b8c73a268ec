import type { Ops } from "../../onnx/ops.ts";
import type { RelaxationContext } from "../relaxation.ts";
import { type Curve, type Ends, f64 } from "./curve.ts";

export const one = (b: Ops, like: string): string => b.scalar(1, like);
export const zero = (b: Ops, like: string): string => b.scalar(0, like);
export const half = (b: Ops, x: string): string => b.mul(x, b.scalar(0.5, x));
export const exp = (b: Ops, x: string): string => b.exp(x);
export const log = (b: Ops, x: string): string => b.add("Log", [x]);
/** What is not below a positive number so small that it stands for 0. */
export const aboveZero = (b: Ops, x: string): string => b.add("Max", [x, b.scalar(2 ** -500, x)]);

export const isWide: Curve["isOpen"] = (_, lower, upper) => lower < upper;

/** Whether a curve bends up, or down, over an interval: bool, or known for all. */
type Bend = (context: RelaxationContext, ends: Ends) => string | boolean;

/** Where a curve bends one way, the line on the side that it leaves touches it in the middle. All others have the slope of the chord. */
export const bent =
  (slope: (context: RelaxationContext, z: string) => string, up: Bend, down: Bend): NonNullable<Curve["slopes"]> =>
  (context, ends) => {
    const { b } = context;
    const middle = slope(context, half(b, b.plus(ends.l, ends.u)));
    const chosen = (bend: string | boolean): string =>
      typeof bend === "boolean" ? (bend ? middle : ends.chord) : b.where(bend, middle, ends.chord);
    return { lower: chosen(up(context, ends)), upper: chosen(down(context, ends)) };
  };

export const always: Bend = () => true;
export const never: Bend = () => false;
export const whereAbove: Bend = ({ b }, { l }) => b.add("Greater", [l, zero(b, l)]);
export const whereBelow: Bend = ({ b }, { u }) => b.add("Less", [u, zero(b, u)]);

/** A point that is no number, so that nothing is known, unless a function is defined on the whole interval. */
export function whereDefined(
  { b, x }: RelaxationContext,
  z: string,
  isDefined: (l: string, u: string) => string,
): string {
  const [l, u] = [f64(b, x[0]!.lower), f64(b, x[0]!.upper)];
  return b.where(isDefined(l, u), z, b.scalar(Number.NaN, z));
}

/** Whether 0 is outside of an interval: by the sign of a product that float64 holds. */
export const isApart = (b: Ops, l: string, u: string): string => b.add("Greater", [b.mul(l, u), zero(b, l)]);
