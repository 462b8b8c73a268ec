import type { Ops } from "../../onnx/ops.ts";
import { again } from "../linear.ts";
import { type Line, type Relaxation, type RelaxationContext, type Relaxations, UNIT } from "../relaxation.ts";
import { f64, inFloat32, larger, magnitude, SLACK, smaller } from "./curve.ts";

/** A value for the first input and one for the second. */
type Pair = readonly [string, string];

/** The ends of both inputs, and the corners of their box, in float64. */
interface Corners {
  readonly x: Pair;
  readonly y: Pair;
  readonly all: readonly Pair[];
}

/** An operator that does the same function of two values to each pair of elements. */
interface Surface {
  /** It in float64. */
  readonly value: (b: Ops, x: string, y: string) => string;
  /** Where it less a plane can be smallest or largest, apart from the corners of a box: points of the box. */
  readonly turns?: (b: Ops, corners: Corners) => readonly Pair[];
  /** The slopes of the planes below and above, float64. */
  readonly slopes: (b: Ops, corners: Corners) => { readonly lower: Pair; readonly upper: Pair };
  /** How far ONNX Runtime's kernel can be from it: a share of its value, in units of 2⁻²⁴. */
  readonly error: number;
}

/** More than what a product loses that is too small for float32. */
const SMALL = 2 ** -125;

function cornersOf({ b, x: [x, y] }: RelaxationContext): Corners {
  const [lx, ux, ly, uy] = [x!.lower, x!.upper, y!.lower, y!.upper].map((end) => f64(b, end)) as [
    string,
    string,
    string,
    string,
  ];
  const all: Pair[] = [
    [lx, ly],
    [lx, uy],
    [ux, ly],
    [ux, uy],
  ];
  return { x: [lx, ux], y: [ly, uy], all };
}

/** The bounds of a surface: a plane of given slopes is moved until it touches. Both inputs may change, and be broadcast. */
const surface = (σ: Surface): Relaxation => ({
  operands: [0, 1],
  isOpen: (_, lower, upper) => lower < upper,
  interval: (context) => {
    const { b, x } = context;
    const ends = [x[0]!.lower, x[0]!.upper].flatMap((l) => [x[1]!.lower, x[1]!.upper].map((r) => [l, r]));
    // Rounding keeps the order, so that the kernel's own values at the corners are ends.
    const values = ends.map((pair) => again(context, pair));
    return { lower: smaller(b, ...values), upper: larger(b, ...values) };
  },
  lines: (context) => {
    const corners = cornersOf(context);
    const { lower, upper } = σ.slopes(context.b, corners);
    return { lower: plane(context, σ, corners, lower, "lower"), upper: plane(context, σ, corners, upper, "upper") };
  },
});

function plane(context: RelaxationContext, σ: Surface, corners: Corners, slopes: Pair, side: "lower" | "upper"): Line {
  const { b, x, y } = context;
  // Whatever rounding does to a slope, the offset follows from it.
  const rounded = slopes.map((slope) => b.cast(slope, "float32"));
  const [p, q] = rounded.map((slope) => f64(b, slope)) as [string, string];
  const at = (of: Pair): string => b.plus(b.mul(p, of[0]), b.mul(q, of[1]));
  const points = [...corners.all, ...(σ.turns?.(b, corners) ?? [])];
  const values = points.map((point) => σ.value(b, ...point));
  const offsets = points.map((point, i) => b.sub(values[i]!, at(point)));
  const β = side === "lower" ? smaller(b, ...offsets) : larger(b, ...offsets);
  const largest = inFloat32(b, larger(b, ...values.map((v) => magnitude(b, v))));
  const reach = larger(b, ...points.map((point) => b.plus(...(point.map((z) => magnitude(b, z)) as [string, string]))));
  const steepness = b.plus(b.plus(magnitude(b, p), magnitude(b, q)), b.scalar(1, p));
  const room = b.plus(
    b.plus(b.mul(b.plus(b.mul(reach, steepness), largest), b.scalar(SLACK, p)), b.scalar(SMALL, p)),
    b.mul(largest, b.scalar(σ.error * UNIT, p)),
  );
  const gap = b.sub(b.plus(at([f64(b, x[0]!.centre), f64(b, x[1]!.centre)]), β), f64(b, y));
  return {
    gap: side === "lower" ? b.sub(gap, room) : b.plus(gap, room),
    slopes: rounded.map((slope) => b.expandLike(slope, y)),
  };
}

const half = (b: Ops, [l, u]: Pair): string => b.mul(b.plus(l, u), b.scalar(0.5, l));

/** Where two values can be equal: the ends of what both intervals share, or where they share nothing, a corner. */
const equal = (b: Ops, { x: [lx, ux], y: [ly, uy], all }: Corners): readonly Pair[] => {
  const [first, last] = [larger(b, lx, ly), smaller(b, ux, uy)];
  const isShared = b.add("Not", [b.add("Greater", [first, last])]);
  return [first, last].map((t) => [b.where(isShared, t, all[0]![0]), b.where(isShared, t, all[0]![1])]);
};

/**
 * Slopes of max(x, y) = y + max(x - y, 0), by those of the second part (Zhang et al. 2018, §3.3): above, the chord; on the other side the
 * input that is larger in more of the box.
 */
function larges(b: Ops, { x: [lx, ux], y: [ly, uy] }: Corners): { readonly chord: Pair; readonly either: Pair } {
  const [below, above] = [b.sub(lx, uy), b.sub(ux, ly)];
  const [zero, one] = [b.scalar(0, below), b.scalar(1, below)];
  const [low, high] = [smaller(b, below, zero), larger(b, above, zero)];
  const width = b.sub(high, low);
  const share = b.where(b.add("Greater", [width, zero]), b.div(high, width), one);
  const mostly = b.where(b.add("Greater", [high, b.neg(low)]), one, zero);
  return { chord: [share, b.sub(one, share)], either: [mostly, b.sub(one, mostly)] };
}

export const planeRelaxations = {
  // The mean of both planes on each side (McCormick 1976): below and above have the same slopes.
  Mul: surface({
    value: (b, x, y) => b.mul(x, y),
    slopes: (b, { x, y }) => ({ lower: [half(b, y), half(b, x)], upper: [half(b, y), half(b, x)] }),
    error: 1,
  }),
  Max: surface({
    value: (b, x, y) => larger(b, x, y),
    turns: equal,
    slopes: (b, corners) => {
      const { chord, either } = larges(b, corners);
      return { lower: either, upper: chord };
    },
    error: 0,
  }),
  // min(x, y) = x + y - max(x, y)
  Min: surface({
    value: (b, x, y) => smaller(b, x, y),
    turns: equal,
    slopes: (b, corners) => {
      const { chord, either } = larges(b, corners);
      return { lower: [chord[1], chord[0]], upper: [either[1], either[0]] };
    },
    error: 0,
  }),
} satisfies Relaxations;
