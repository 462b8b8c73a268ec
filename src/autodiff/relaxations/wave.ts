import type { Ops } from "../../onnx/ops.ts";
import type { RelaxationContext, Relaxations } from "../relaxation.ts";
import { half, isWide, zero } from "./bends.ts";
import { type Curve, curve, f64, larger, magnitude, smaller } from "./curve.ts";

/** Beyond it, nobody has measured the kernels. */
const LARGEST = 2 ** 20;

/** sin(z + shift), which is the sine or the cosine. */
const wave = (op: "Sin" | "Cos"): Curve => {
  const shift = op === "Sin" ? 0 : Math.PI / 2;
  const moved = (b: Ops, z: string): string => b.plus(z, b.scalar(shift, z));
  const value = (b: Ops, z: string): string => b.add(op, [z]);
  return {
    value,
    // cos(z + shift) = λ, in the three periods next to the middle: all, where the interval has no more than one. A slope that many periods
    // share is 0, and one of them has all values. Acos has no float64: where a slope is right, what a point is off by changes next to nothing.
    turns: (b, λ, { x }) => {
      const [l, u] = [f64(b, x[0]!.lower), f64(b, x[0]!.upper)];
      const middle = moved(b, half(b, b.plus(l, u)));
      const period = b.add("Round", [b.mul(middle, b.scalar(0.5 / Math.PI, middle))]);
      const inside = smaller(b, larger(b, λ, b.scalar(-1, λ)), b.scalar(1, λ));
      const angle = f64(b, b.add("Acos", [b.cast(inside, "float32")]));
      const isSmall = b.add("Less", [larger(b, magnitude(b, l), magnitude(b, u)), b.scalar(LARGEST, l)]);
      const known = b.where(isSmall, angle, b.scalar(Number.NaN, angle));
      return [-1, 0, 1].flatMap((k) => {
        const from = b.sub(b.mul(b.plus(period, b.scalar(k, l)), b.scalar(2 * Math.PI, l)), b.scalar(shift, l));
        return [b.plus(from, known), b.sub(from, known)];
      });
    },
    slopes: ({ b }: RelaxationContext, { l, u, chord }) => {
      const middle = moved(b, half(b, b.plus(l, u)));
      const isLong = b.add("Greater", [b.sub(u, l), b.scalar(2 * Math.PI, l)]);
      const arch = (z: string): string => b.add("Floor", [b.mul(moved(b, z), b.scalar(1 / Math.PI, z))]);
      const isArch = b.equal(arch(l), arch(u));
      const isUp = b.add("Less", [b.add("Sin", [middle]), zero(b, middle)]);
      const tangent = b.add("Cos", [middle]);
      const line = (bends: string): string =>
        b.where(isLong, zero(b, l), b.where(b.add("And", [isArch, bends]), tangent, chord));
      return { lower: line(isUp), upper: line(b.add("Not", [isUp])) };
    },
    rises: false,
    error: { relative: 0, absolute: 4 },
    isOpen: isWide,
  };
};

export const waveRelaxations = { Sin: curve(wave("Sin")), Cos: curve(wave("Cos")) } satisfies Relaxations;
