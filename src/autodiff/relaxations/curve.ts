import type { Ops } from "../../onnx/ops.ts";
import { again } from "../linear.ts";
import { type Interval, type Relaxation, type RelaxationContext, UNIT } from "../relaxation.ts";

/** An operator that does the same function σ to each element. */
export interface Curve {
  /** σ in float64. */
  readonly value: (b: Ops, z: string, context: RelaxationContext) => string;
  /**
   * Where σ(z) - λz can be smallest or largest, apart from the ends of an interval: the kinks of σ, and where its slope is λ
   * (float64). A point outside of the interval does no harm, one that is missing does.
   */
  readonly turns: (b: Ops, λ: string, context: RelaxationContext) => readonly (string | number)[];
  /** The slopes of the line below and of that above, float64; by default that of the chord. */
  readonly slopes?: (context: RelaxationContext, ends: Ends) => { readonly lower?: string; readonly upper?: string };
  /** The slope near another one for which `turns` knows all points; by default the same. */
  readonly snapped?: (b: Ops, slope: string) => string;
  /** Whether σ never falls; else `least` is its smallest value between two ends, where that is at neither. */
  readonly rises: boolean;
  /** How far ONNX Runtime's kernel can be from σ: a share of its value, and a number, both in units of 2⁻²⁴. */
  readonly error: { readonly relative: number; readonly absolute: number };
  /** Whether better ends of this interval could give better lines. */
  readonly isOpen: Relaxation["isOpen"];
  readonly bendsAtZero?: boolean;
}

/** The ends of an interval, and the slope between them, in float64. */
export interface Ends {
  readonly l: string;
  readonly u: string;
  readonly chord: string;
}

/** Far more than the few steps in float64 below can be off, as a share of what they are made of. */
export const SLACK = 2 ** -46;

export const f64 = (b: Ops, x: string): string => b.cast(x, "float64");
export const larger = (b: Ops, ...x: string[]): string => b.add("Max", x);
export const smaller = (b: Ops, ...x: string[]): string => b.add("Min", x);
export const magnitude = (b: Ops, x: string): string => b.add("Abs", [x]);

/** A size in float64 that is infinite where a kernel may overflow. */
export const inFloat32 = (b: Ops, size: string): string =>
  f64(b, b.cast(b.mul(size, b.scalar(1.001, size)), "float32"));

/** The bounds of a curve: of a given slope, the line is moved until it touches. */
export const curve = (σ: Curve): Relaxation => ({
  isOpen: σ.isOpen,
  bendsAtZero: σ.bendsAtZero ?? false,
  interval: (context) => interval(context, σ),
  lines: (context) => {
    const ends = endsOf(context, σ);
    const slopes = σ.slopes?.(context, ends) ?? {};
    const line = (slope: string, side: "lower" | "upper") => {
      // Whatever rounding does to a slope, the offset follows from it.
      const rounded = context.b.cast(σ.snapped?.(context.b, slope) ?? slope, "float32");
      return { slope: rounded, gap: gapOf(context, σ, ends, rounded, side) };
    };
    return { lower: line(slopes.lower ?? ends.chord, "lower"), upper: line(slopes.upper ?? ends.chord, "upper") };
  },
});

/** (σ(u) - σ(l)) / (u - l), and 0 where the interval is one point. */
function endsOf(context: RelaxationContext, { value }: Curve): Ends {
  const { b, x } = context;
  const [l, u] = [f64(b, x[0]!.lower), f64(b, x[0]!.upper)];
  const isWide = b.add("Greater", [u, l]);
  const width = b.where(isWide, b.sub(u, l), b.scalar(1, u));
  const rise = b.sub(value(b, u, context), value(b, l, context));
  return { l, u, chord: b.where(isWide, b.div(rise, width), b.scalar(0, u)) };
}

/** With β the least, or the largest, of σ(z) - λz: λc + β less the output at the centre c. */
function gapOf(context: RelaxationContext, σ: Curve, { l, u }: Ends, slope: string, side: "lower" | "upper"): string {
  const { b, x, y } = context;
  const c = f64(b, x[0]!.centre);
  const λ = f64(b, slope);
  const inside = (z: string | number) => smaller(b, larger(b, typeof z === "number" ? b.scalar(z, l) : z, l), u);
  const points = [l, u, ...σ.turns(b, λ, context).map(inside)];
  const values = points.map((z) => σ.value(b, z, context));
  const offsets = points.map((z, i) => b.sub(values[i]!, b.mul(λ, z)));
  const β = side === "lower" ? smaller(b, ...offsets) : larger(b, ...offsets);
  const largest = inFloat32(b, larger(b, ...values.map((v) => magnitude(b, v))));
  const reach = b.mul(larger(b, magnitude(b, l), magnitude(b, u)), b.plus(magnitude(b, λ), b.scalar(1, λ)));
  const room = b.plus(
    b.mul(b.plus(reach, largest), b.scalar(SLACK, l)),
    b.plus(b.mul(largest, b.scalar(σ.error.relative * UNIT, l)), b.scalar(σ.error.absolute * UNIT, l)),
  );
  const gap = b.sub(b.plus(b.mul(λ, c), β), f64(b, y));
  return side === "lower" ? b.sub(gap, room) : b.plus(gap, room);
}

/** The kernel's own values at both ends, and at kinks in between where it falls, widened by what it can be off twice. */
function interval(context: RelaxationContext, σ: Curve): Interval {
  const { node, b, x } = context;
  const [l, u] = [x[0]!.lower, x[0]!.upper];
  const at = (z: string) => again(context, [z, ...node.inputs.slice(1)]);
  const kinks = σ.rises
    ? []
    : σ
        .turns(b, b.scalar(0, f64(b, l)), context)
        .map((z) => smaller(b, larger(b, typeof z === "number" ? b.scalar(z, l) : b.cast(z, "float32"), l), u));
  const values = [l, u, ...kinks].map(at);
  const [lower, upper] = σ.rises ? [values[0]!, values[1]!] : [smaller(b, ...values), larger(b, ...values)];
  const { relative, absolute } = σ.error;
  if (relative === 0 && absolute === 0) return { lower, upper };
  const room = (end: string) =>
    b.plus(b.mul(magnitude(b, end), b.scalar(2 * relative * UNIT, end)), b.scalar(2 * absolute * UNIT + 1e-37, end));
  return { lower: b.sub(lower, room(lower)), upper: b.plus(upper, room(upper)) };
}
