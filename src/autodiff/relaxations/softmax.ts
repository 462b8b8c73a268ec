import { PerturbError } from "../../errors.ts";
import { describeNode } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import { product, tensor } from "../../tensor.ts";
import {
  type Interval,
  type Line,
  type Relaxation,
  type RelaxationContext,
  type Relaxations,
  UNIT,
} from "../relaxation.ts";
import { exp, half, isWide, log, one, zero } from "./bends.ts";
import { f64, larger, magnitude, smaller } from "./curve.ts";

/** A function of D = Σ exp(xⱼ - xᵢ) for element i that falls and bends up. */
interface Outer {
  readonly value: (b: Ops, d: string) => string;
  readonly slope: (b: Ops, d: string) => string;
  /** How far ONNX Runtime's kernel can be off: a share of the value, and a number, in units of 2⁻²⁴, for sums of so many. */
  readonly error: (count: number) => { readonly relative: number; readonly absolute: number };
}

/** More than the steps in float64 can be off for each element, as a share of what they are made of. */
const SLACK = 2 ** -40;
/** More than what numbers lose that are too small for float32. */
const SMALL = 2 ** -125;

/** The axis, and its size. @throws unsupported where it has the samples, or is several axes, as before opset 13 */
function axisOf({ node, b, x }: RelaxationContext): { readonly axis: number; readonly count: number } {
  const sizes = b.sizes(x[0]!.lower, 1);
  const given = node.attributes.int("axis", b.opset >= 13 ? -1 : 1);
  const axis = given < 0 ? given + sizes.length + 1 : given;
  if (axis > 0 && (b.opset >= 13 || product(sizes.slice(axis)) === 1)) return { axis, count: sizes[axis - 1]! };
  throw new PerturbError("unsupported", `${describeNode(node)}: ${why(axis)}`, { data: { op: node.op } });
}
const why = (axis: number): string =>
  axis === 0
    ? "it sums over the samples, so that no bounds of one sample are known."
    : "bounds are known for one axis, and before opset 13 it sums over all from that one on. Export the model with opset 13 or newer.";

/** What is known of dᵢⱼ = xⱼ - xᵢ, in float64 [n, ..., i, j, ...]. */
function pairsOf(context: RelaxationContext) {
  const { b, x } = context;
  const { axis, count } = axisOf(context);
  const rest = b.dims(x[0]!.lower).length - 1 - axis;
  b.room(count * count, x[0]!.centre);
  const eye = Float64Array.from({ length: count * count }, (_, k) => (k % (count + 1) === 0 ? 1 : 0));
  const isSelf = b.cast(b.constant(tensor("float64", [count, count, ...Array<number>(rest).fill(1)], eye)), "bool");
  const [l, u, c] = [x[0]!.lower, x[0]!.upper, x[0]!.centre].map((name) => f64(b, name)) as [string, string, string];
  const difference = (j: string, i: string): string => {
    const d = b.sub(b.unsqueeze(j, [axis]), b.unsqueeze(i, [axis + 1]));
    return b.where(isSelf, zero(b, d), d);
  };
  const sum = (value: string): string => b.reduceSum(value, [axis + 1], true);
  const [low, high] = [difference(l, u), difference(u, l)];
  const ends = { low: exp(b, low), high: exp(b, high) };
  // How far each xⱼ is from the centre.
  const reach = b.unsqueeze(larger(b, b.sub(u, c), b.sub(c, l)), [axis]);
  return {
    axis,
    count,
    isSelf,
    sum,
    low,
    high,
    ends,
    at: difference(c, c),
    reach,
    least: sum(ends.low),
    most: sum(ends.high),
  };
}
type Pairs = ReturnType<typeof pairsOf>;

function interval(context: RelaxationContext, outer: Outer): Interval {
  const { b } = context;
  const { axis, count, least, most } = pairsOf(context);
  const { relative, absolute } = outer.error(count);
  const end = (d: string, sign: 1 | -1): string => {
    const value = b.squeeze(outer.value(b, d), [axis + 1]);
    const room = b.plus(
      b.mul(magnitude(b, value), b.scalar(2 * (relative + 2) * UNIT, value)),
      b.scalar(2 * absolute * UNIT + SMALL, value),
    );
    return b.cast(b.plus(value, b.mul(room, b.scalar(sign, value))), "float32");
  };
  return { lower: end(most, -1), upper: end(least, 1) };
}

/** The plane g + s·(Σ (e + m·(d - d₀)) - D) of all elements: as a line of each. */
function plane(
  context: RelaxationContext,
  outer: Outer,
  pairs: Pairs,
  { g, s, d, e, m, from }: Readonly<Record<"g" | "s" | "d" | "e" | "m" | "from", string>>,
  side: "lower" | "upper",
): Line {
  const { b, y } = context;
  const { axis, count, isSelf, sum, at, reach, ends, low, high } = pairs;
  const flat = (value: string): string => b.squeeze(value, [axis + 1]);
  const off = b.where(isSelf, zero(b, m), b.mul(s, m));
  const slopes = b.where(isSelf, b.neg(sum(off)), off);
  const value = b.plus(g, b.mul(s, b.sub(sum(b.plus(e, b.mul(m, b.sub(at, from)))), d)));
  // Its slopes are rounded, multiplied and added up.
  const rounding = sum(
    b.mul(b.plus(b.mul(magnitude(b, slopes), b.scalar(2 * (count + 8) * UNIT, m)), b.scalar(SMALL, m)), reach),
  );
  const parts = b.plus(sum(b.plus(ends.high, b.mul(magnitude(b, m), b.sub(high, low)))), magnitude(b, d));
  const size = b.plus(b.plus(magnitude(b, g), b.mul(magnitude(b, s), parts)), one(b, m));
  const { relative, absolute } = outer.error(count);
  const largest = larger(b, magnitude(b, outer.value(b, pairs.least)), magnitude(b, outer.value(b, pairs.most)));
  const kernel = b.plus(b.mul(largest, b.scalar(relative * UNIT, m)), b.scalar(absolute * UNIT, m));
  const room = b.plus(b.plus(rounding, b.mul(size, b.scalar(count * SLACK, m))), kernel);
  const gap = b.sub(flat(value), f64(b, y));
  const rounded = b.cast(slopes, "float32");
  return {
    gap: side === "lower" ? b.sub(gap, flat(room)) : b.plus(gap, flat(room)),
    back: (ops, a, rowsOf) => ops.reduceSum(ops.mul(ops.unsqueeze(a, [axis + 1]), rowsOf(rounded)), [axis], false),
  };
}

/** (f(high) - f(low)) / (high - low), and another slope where both are one. */
function chordOf(b: Ops, [low, high]: readonly [string, string], [at, to]: readonly [string, string], other: string) {
  const isApart = b.add("Greater", [high, low]);
  const width = b.where(isApart, b.sub(high, low), one(b, low));
  return b.where(isApart, b.div(b.sub(to, at), width), other);
}

/**
 * Of g(D), D = Σ exp(dⱼ): below, the tangent of g and the chords of exp; above, the chord of g and the tangents of exp (Wei et al. 2023,
 * https://arxiv.org/abs/2303.01713, §3).
 */
function lines(context: RelaxationContext, outer: Outer) {
  const { b } = context;
  const pairs = pairsOf(context);
  const { low, high, ends, least, most } = pairs;
  const d = b.add("Sqrt", [b.mul(least, most)]);
  const m = chordOf(b, [low, high], [ends.low, ends.high], ends.low);
  const below = { g: outer.value(b, d), s: outer.slope(b, d), d, e: ends.low, m, from: low };
  const top = outer.value(b, least);
  const s = smaller(b, chordOf(b, [least, most], [top, outer.value(b, most)], zero(b, least)), zero(b, least));
  const from = smaller(b, half(b, b.plus(low, high)), b.plus(low, one(b, low)));
  const touch = exp(b, from);
  const above = { g: top, s, d: least, e: touch, m: touch, from };
  return {
    lower: plane(context, outer, pairs, below, "lower"),
    upper: plane(context, outer, pairs, above, "upper"),
  };
}

const ofSum = (outer: Outer): Relaxation => ({
  isOpen: isWide,
  interval: (context) => interval(context, outer),
  lines: (context) => lines(context, outer),
});

/** Both kernels subtract the largest x first, whose rounding matters most where exp is near 1/e. */
export const softmaxRelaxations = {
  Softmax: ofSum({
    value: (b, d) => b.div(one(b, d), d),
    slope: (b, d) => b.neg(b.div(one(b, d), b.mul(d, d))),
    error: (count) => ({ relative: count + 16, absolute: 1 }),
  }),
  LogSoftmax: ofSum({
    value: (b, d) => b.neg(log(b, d)),
    slope: (b, d) => b.neg(b.div(one(b, d), d)),
    error: (count) => ({ relative: 4, absolute: count + 16 }),
  }),
} satisfies Relaxations;
