import { isFloat } from "../../onnx/facts.ts";
import type { Ops } from "../../onnx/ops.ts";
import type { RuleContext, Rules } from "../rule.ts";

/** a where the condition holds, else 0: also right where a is infinite. */
const keepWhere = (b: Ops, condition: string, a: string): string => b.where(condition, a, b.scalar(0, a));
const zeroWhere = (b: Ops, condition: string, a: string): string => b.where(condition, b.scalar(0, a), a);

/** x^(e-1)·e, which is 0 for e = 0 also at x = 0, as PyTorch. */
function powGradient({ x: [base, exponent], y, g, b, wants }: RuleContext): (string | null)[] {
  const e =
    b.fact(exponent!).type === b.fact(base!).type ? exponent! : b.cast(exponent!, b.fact(base!).type ?? "float32");
  const isZero = b.equal(e, b.scalar(0, e));
  const power = b.add("Pow", [base!, b.sub(e, b.scalar(1, e))]);
  const byBase = () => b.mul(g, zeroWhere(b, isZero, b.mul(e, power)));
  // x^e·log x, which is 0 at x = 0 for e >= 0.
  const byExponent = () => {
    const atZero = b.add("And", [
      b.equal(base!, b.scalar(0, base!)),
      b.add("Not", [b.add("Less", [e, b.scalar(0, e)])]),
    ]);
    const gradient = b.mul(g, zeroWhere(b, atZero, b.mul(y, b.add("Log", [base!]))));
    return e === exponent ? gradient : b.cast(gradient, b.fact(exponent!).type!);
  };
  return [wants(0) ? byBase() : null, wants(1) ? byExponent() : null];
}

/**
 * The gradient passes inside the bounds and at them, as torch.clamp. With the bounds 0 and 6 it is what exporters make of
 * ReLU6, where it is 0 at both. Bounds in the wrong order let nothing through.
 */
function clipGradient({ node, x: [a, low, high], y, g, b, wants }: RuleContext): (string | null)[] {
  const type = b.fact(y).type ?? "float32";
  const bound = (name: string, given: string | undefined): number | undefined =>
    node.attributes.float(name, undefined) ?? (given ? b.fact(given).floats?.[0] : undefined);
  const less = (p: string, q: string) => b.add("Less", [p, q]);
  const both = low && high;
  const [least, most] = [bound("min", low), bound("max", high)];
  const known = least !== undefined && most !== undefined;
  const inside = () => {
    if (least === 0 && most === 6) return b.add("And", [less(b.scalar(0, y), y), less(y, b.scalar(6, y))]);
    if (known && least > most) return less(y, y);
    const unchanged = b.equal(a!, y);
    return both && !known ? b.add("And", [unchanged, b.add("Not", [less(high, low)])]) : unchanged;
  };
  // Where the bounds are in the wrong order, all is the upper one.
  const below = () => (both ? b.add("And", [less(a!, low), less(low, high)]) : less(a!, low!));
  const above = () => (both ? b.add("Or", [less(high, a!), less(high, low)]) : less(high!, a!));
  return [
    wants(0) ? b.mul(g, b.cast(inside(), type)) : null,
    wants(1) ? keepWhere(b, below(), g) : null,
    wants(2) ? keepWhere(b, above(), g) : null,
  ];
}

export const elementwiseRules = {
  Add: ({ g }) => [g, g],
  Sub: ({ g, b }) => [g, b.neg(g)],
  Mul: ({ g, x: [l, r], b, wants }) => [wants(0) ? b.mul(g, r!) : null, wants(1) ? b.mul(g, l!) : null],
  Div: ({ g, x: [, d], y, b, wants }) => [
    wants(0) ? b.div(g, d!) : null,
    wants(1) ? b.neg(b.div(b.mul(g, y), d!)) : null,
  ],
  Neg: ({ g, b }) => [b.neg(g)],
  Exp: ({ g, y, b }) => [b.mul(g, y)],
  Log: ({ g, x: [a], b }) => [b.div(g, a!)],
  Sqrt: ({ g, y, b }) => [b.div(g, b.mul(y, b.scalar(2, y)))],
  Pow: powGradient,
  Erf: ({ g, x: [a], b }) => [b.mul(g, b.mul(b.scalar(2 / Math.sqrt(Math.PI), a!), b.exp(b.neg(b.mul(a!, a!)))))],
  // 0 at 0.
  Relu: ({ g, y, b }) => [b.mul(g, b.cast(b.add("Greater", [y, b.scalar(0, y)]), b.fact(y).type ?? "float32"))],
  Clip: clipGradient,
  Sigmoid: ({ g, y, b }) => [b.mul(g, b.mul(y, b.sub(b.scalar(1, y), y)))],
  Tanh: ({ g, y, b }) => [b.mul(g, b.sub(b.scalar(1, y), b.mul(y, y)))],
  Where: ({ g, x: [condition], b, wants }) => [
    null,
    wants(1) ? keepWhere(b, condition!, g) : null,
    wants(2) ? zeroWhere(b, condition!, g) : null,
  ],
  Identity: ({ g }) => [g],
  Cast: ({ g, x: [a], b }) => {
    const { type } = b.fact(a!);
    // Integers that a gradient is wanted of count as reals: no position or condition is among them.
    return [b.cast(g, isFloat(type) ? (type ?? "float32") : "float32")];
  },
} satisfies Rules;
