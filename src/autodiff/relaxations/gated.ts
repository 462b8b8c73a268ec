import type { Node } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import { tensor } from "../../tensor.ts";
import type { Relaxations } from "../relaxation.ts";
import { exp, half, isWide, log, one, zero } from "./bends.ts";
import { type Curve, curve, larger, magnitude, smaller } from "./curve.ts";

/** Beyond it, a gate is open or closed as far as float64 can tell. */
const FAR = 40;
/** Slopes of lines of gated curves are whole multiples of it, so that where a curve has them can be written down. */
const STEP = 2 ** -11;
const [FIRST, COUNT] = [-0.25, 1.5 / STEP + 1];

/** A curve z·gate(z), whose slope is near 0 far below and near 1 far above, in JavaScript's float64. */
interface Gated {
  readonly slope: (z: number) => number;
}

/** Where the slope of a curve neither rises nor falls, from below. */
function inflections({ slope }: Gated): number[] {
  const step = 1 / 64;
  const found: number[] = [];
  for (let z = -FAR; z < FAR; z += step) {
    const [before, here, after] = [slope(z - step), slope(z), slope(z + step)];
    const bend = after - 2 * here + before;
    // Far out there is nothing but rounding.
    if ((here - before) * (after - here) <= 0 && Math.abs(bend) > 1e-9)
      found.push(extremeOf(slope, z - step, z + step, -Math.sign(bend)));
  }
  return found;
}

/** The largest (sign 1) or smallest value between two points, by thirds. */
function extremeOf(f: (z: number) => number, from: number, to: number, sign: number): number {
  let [l, u] = [from, to];
  for (let i = 0; i < 60; i++) {
    const [a, c] = [l + (u - l) / 3, u - (u - l) / 3];
    if (sign * (f(a) - f(c)) < 0) l = a;
    else u = c;
  }
  return (l + u) / 2;
}

/** For each multiple of STEP, the point between two inflections where the slope is that, or the end that is nearer to it. */
function pointsOf({ slope }: Gated, from: number, to: number): Float64Array {
  const rises = slope(from) < slope(to);
  return Float64Array.from({ length: COUNT }, (_, k) => {
    const λ = FIRST + k * STEP;
    let [l, u] = [from, to];
    for (let i = 0; i < 60; i++) {
      const middle = (l + u) / 2;
      if (slope(middle) < λ === rises) l = middle;
      else u = middle;
    }
    return (l + u) / 2;
  });
}

const tables = new Map<string, readonly Float64Array[]>();

/** The points of each piece of a curve on which its slope rises or falls. */
function tableOf(key: string, of: Gated): readonly Float64Array[] {
  const ends = [-FAR, ...inflections(of), FAR];
  const known = tables.get(key) ?? ends.slice(1).map((to, i) => pointsOf(of, ends[i]!, to));
  tables.set(key, known);
  return known;
}

/** The nearest slope of the table. */
const snapped = (b: Ops, slope: string): string => {
  const near = b.mul(b.add("Round", [b.mul(slope, b.scalar(1 / STEP, slope))]), b.scalar(STEP, slope));
  return smaller(b, larger(b, near, b.scalar(FIRST, slope)), b.scalar(FIRST + (COUNT - 1) * STEP, slope));
};

const gated = (of: (node: Node) => Gated & { readonly key: string }, value: Curve["value"]) =>
  curve({
    value,
    snapped,
    turns: (b, λ, { node }) => {
      const { key, ...gate } = of(node);
      const near = b.add("Round", [b.mul(b.sub(λ, b.scalar(FIRST, λ)), b.scalar(1 / STEP, λ))]);
      // Where a slope is no number, nothing is known anyway.
      const place = b.cast(b.where(b.add("IsNaN", [near]), zero(b, near), near), "int64");
      return tableOf(key, gate).map((points) =>
        b.add("Gather", [b.constant(tensor("float64", [COUNT], points)), place], { axis: 0 }),
      );
    },
    rises: false,
    error: { relative: 8, absolute: 16 },
    isOpen: isWide,
  });

const density = (z: number): number => Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);

/** The chance that a normal number is below z: a series (Abramowitz and Stegun 26.2.11), and far out a continued fraction (26.2.14). */
function cumulative(z: number): number {
  if (Math.abs(z) < 5) {
    let [term, sum] = [z, z];
    for (let n = 1; n < 120; n++) sum += term *= (z * z) / (2 * n + 1);
    return 0.5 + density(z) * sum;
  }
  let fraction = 0;
  for (let k = 60; k > 0; k--) fraction = k / (Math.abs(z) + fraction);
  const tail = density(z) / (Math.abs(z) + fraction);
  return z < 0 ? tail : 1 - tail;
}

/** √(2/π)(z + 0.044715z³), of which the tanh stands for erf in a fast Gelu. */
const [ROOT, CUBE] = [Math.sqrt(2 / Math.PI), 0.044715];

const gelu = (node: Node): Gated & { readonly key: string } => {
  if (node.attributes.string("approximate", "none") === "none")
    return { key: "gelu", slope: (z) => cumulative(z) + z * density(z) };
  return {
    key: "gelu by tanh",
    slope: (z) => {
      const t = Math.tanh(ROOT * (z + CUBE * z ** 3));
      return 0.5 * (1 + t) + 0.5 * z * (1 - t * t) * ROOT * (1 + 3 * CUBE * z * z);
    },
  };
};

/** tanh by exp(-2|z|), which cannot overflow. */
const tanh = (b: Ops, z: string): string => {
  const e = exp(b, b.mul(magnitude(b, z), b.scalar(-2, z)));
  return b.mul(b.add("Sign", [z]), b.div(b.sub(one(b, z), e), b.plus(one(b, z), e)));
};
const softplus = (b: Ops, z: string): string =>
  b.plus(larger(b, z, zero(b, z)), log(b, b.plus(one(b, z), exp(b, b.neg(magnitude(b, z))))));

/** Curves z·gate(z), which first fall and then rise. */
export const gatedRelaxations = {
  // Erf has no float64: what its kernel is off by is part of the error.
  Gelu: gated(gelu, (b, z, { node }) => {
    if (node.attributes.string("approximate", "none") === "none") {
      const erf = b.cast(b.add("Erf", [b.cast(b.mul(z, b.scalar(Math.SQRT1_2, z)), "float32")]), "float64");
      return b.mul(half(b, z), b.plus(erf, one(b, z)));
    }
    const inner = b.mul(z, b.plus(b.scalar(ROOT, z), b.mul(b.scalar(ROOT * CUBE, z), b.mul(z, z))));
    return b.mul(half(b, z), b.plus(tanh(b, inner), one(b, z)));
  }),
  Mish: gated(
    () => ({
      key: "mish",
      slope: (z) => {
        const t = Math.tanh(Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))));
        return t + (z * (1 - t * t)) / (1 + Math.exp(-z));
      },
    }),
    (b, z) => b.mul(z, tanh(b, softplus(b, z))),
  ),
  // (2z + 3)/6 = λ between -3 and 3.
  HardSwish: curve({
    value: (b, z) => {
      const gate = b.plus(b.mul(z, b.scalar(1 / 6, z)), b.scalar(0.5, z));
      return b.mul(z, smaller(b, larger(b, gate, zero(b, gate)), one(b, gate)));
    },
    turns: (b, λ) => [-3, 3, b.sub(b.mul(λ, b.scalar(3, λ)), b.scalar(1.5, λ))],
    rises: false,
    error: { relative: 4, absolute: 8 },
    isOpen: isWide,
  }),
} satisfies Relaxations;
