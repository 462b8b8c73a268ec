import type { Node } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import type { Relaxations } from "../relaxation.ts";
import {
  aboveZero,
  always,
  bent,
  exp,
  isApart,
  isWide,
  log,
  never,
  one,
  whereAbove,
  whereBelow,
  whereDefined,
  zero,
} from "./bends.ts";
import { type Curve, curve, larger, magnitude, smaller } from "./curve.ts";

const root = (b: Ops, x: string): string => b.add("Sqrt", [x]);
/** log(1 + eᶻ), by an exp that cannot overflow. */
const softplus = (b: Ops, z: string): string =>
  b.plus(larger(b, z, zero(b, z)), log(b, b.plus(one(b, z), exp(b, b.neg(magnitude(b, z))))));
const sigmoid = (b: Ops, z: string): string => b.div(one(b, z), b.plus(one(b, z), exp(b, b.neg(z))));

const float = (node: Node, name: string, fallback: number): number =>
  Math.fround(node.attributes.float(name, fallback));

/** γ·α(e^(z/β) - 1) below 0, γ·z above. */
const exponential = (of: (node: Node) => { readonly α: number; readonly β: number; readonly γ: number }): Curve => ({
  value: (b, z, { node }) => {
    const { α, β, γ } = of(node);
    const e = exp(b, b.mul(smaller(b, z, zero(b, z)), b.scalar(1 / β, z)));
    const below = b.mul(b.sub(e, one(b, z)), b.scalar(α * γ, z));
    return b.where(b.add("Greater", [z, zero(b, z)]), b.mul(z, b.scalar(γ, z)), below);
  },
  // (αγ/β)·e^(z/β) = λ. Where no z has that, 0.
  turns: (b, λ, { node }) => {
    const { α, β, γ } = of(node);
    const share = b.mul(λ, b.scalar(β / (α * γ), λ));
    const isThere = b.add("Greater", [share, zero(b, λ)]);
    return [0, b.mul(log(b, b.where(isThere, share, one(b, λ))), b.scalar(β, λ))];
  },
  rises: false,
  error: { relative: 4, absolute: 8 },
  isOpen: isWide,
});

/** Curves that bend one way, or one way on each side of 0. Where one is not defined on the whole interval, nothing is known. */
export const bentRelaxations = {
  Exp: curve({
    value: exp,
    turns: (b, λ) => [log(b, aboveZero(b, λ))],
    slopes: bent(({ b }, z) => exp(b, z), always, never),
    rises: true,
    error: { relative: 4, absolute: 0 },
    isOpen: isWide,
  }),
  Log: curve({
    value: log,
    turns: (b, λ, context) => {
      const z = b.div(one(b, λ), aboveZero(b, λ));
      return [whereDefined(context, z, (l) => b.add("Greater", [l, zero(b, l)]))];
    },
    slopes: bent(({ b }, z) => b.div(one(b, z), z), never, always),
    rises: false,
    error: { relative: 8, absolute: 1 },
    isOpen: isWide,
  }),
  // 1/(2√z) = λ
  Sqrt: curve({
    value: root,
    turns: (b, λ, context) => {
      const r = b.div(b.scalar(0.5, λ), aboveZero(b, λ));
      return [whereDefined(context, b.mul(r, r), (l) => b.add("Not", [b.add("Less", [l, zero(b, l)])]))];
    },
    slopes: bent(({ b }, z) => b.div(b.scalar(0.5, z), root(b, aboveZero(b, z))), never, always),
    rises: false,
    error: { relative: 2, absolute: 0 },
    isOpen: isWide,
  }),
  // -1/z² = λ
  Reciprocal: curve({
    value: (b, z) => b.div(one(b, z), z),
    turns: (b, λ, context) => {
      const z = b.div(one(b, λ), root(b, aboveZero(b, b.neg(λ))));
      const known = whereDefined(context, z, (l, u) => isApart(b, l, u));
      return [known, b.neg(known)];
    },
    slopes: bent(({ b }, z) => b.neg(b.div(one(b, z), b.mul(z, z))), whereAbove, whereBelow),
    rises: false,
    error: { relative: 2, absolute: 0 },
    isOpen: isWide,
  }),
  // Its slope is the sigmoid.
  Softplus: curve({
    value: softplus,
    turns: (b, λ) => {
      const inside = smaller(b, aboveZero(b, λ), b.scalar(1 - 2 ** -53, λ));
      return [b.sub(log(b, inside), log(b, b.sub(one(b, λ), inside)))];
    },
    slopes: bent(({ b }, z) => sigmoid(b, z), always, never),
    rises: true,
    error: { relative: 8, absolute: 1 },
    isOpen: isWide,
  }),
  // 1/(1 + |z|)² = λ
  Softsign: curve({
    value: (b, z) => b.div(z, b.plus(one(b, z), magnitude(b, z))),
    turns: (b, λ) => {
      const z = b.sub(b.div(one(b, λ), root(b, aboveZero(b, λ))), one(b, λ));
      return [z, b.neg(z)];
    },
    slopes: bent(
      ({ b }, z) => {
        const d = b.plus(one(b, z), magnitude(b, z));
        return b.div(one(b, z), b.mul(d, d));
      },
      whereBelow,
      whereAbove,
    ),
    rises: true,
    error: { relative: 4, absolute: 1 },
    isOpen: isWide,
  }),
  // 2/√π·e^(-z²) = λ. Its kernel has no float64: what a point is off by in float32 changes the value where the slope is 0 by next to nothing.
  Erf: curve({
    value: (b, z) => b.cast(b.add("Erf", [b.cast(z, "float32")]), "float64"),
    turns: (b, λ) => {
      const share = smaller(b, b.mul(aboveZero(b, λ), b.scalar(Math.sqrt(Math.PI) / 2, λ)), one(b, λ));
      const z = root(b, b.neg(log(b, share)));
      return [z, b.neg(z)];
    },
    slopes: bent(
      ({ b }, z) => b.mul(exp(b, b.neg(b.mul(z, z))), b.scalar(2 / Math.sqrt(Math.PI), z)),
      whereBelow,
      whereAbove,
    ),
    rises: true,
    error: { relative: 8, absolute: 2 },
    isOpen: isWide,
  }),
  Elu: curve(exponential((node) => ({ α: float(node, "alpha", 1), β: 1, γ: 1 }))),
  Celu: curve(exponential((node) => ({ α: float(node, "alpha", 1), β: float(node, "alpha", 1), γ: 1 }))),
  Selu: curve(
    exponential((node) => ({
      α: float(node, "alpha", 1.6732631921768188),
      β: 1,
      γ: float(node, "gamma", 1.0507010221481323),
    })),
  ),
} satisfies Relaxations;
