import { PerturbError } from "../../errors.ts";
import { describeNode, type Node } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import type { RelaxationContext, Relaxations } from "../relaxation.ts";
import { bent, isApart, isWide, one, whereDefined, zero } from "./bends.ts";
import { curve, type Ends, magnitude } from "./curve.ts";

/** The one exponent of a power. @throws unsupported where there are several, or only a run can tell */
function exponentOf({ node, b }: { readonly node: Node; readonly b: Ops }): number {
  const { floats, values } = b.fact(node.inputs[1]!);
  const [p, ...others] = new Set(floats ?? values);
  if (typeof p === "number" && others.length === 0) return p;
  throw new PerturbError(
    "unsupported",
    `${describeNode(node)}: bounds are known for Pow with one constant exponent, and nothing can be proven of this model. Export it with the exponent written into it.`,
    { data: { op: node.op } },
  );
}

const power = (b: Ops, z: string, p: number): string => b.add("Pow", [z, b.scalar(p, z)]);
const isOdd = (p: number): boolean => Math.abs(p % 2) === 1;

/** Whether the power of an exponent is defined over [l, u]. */
function isDefined(b: Ops, p: number, l: string, u: string): string {
  if (Number.isInteger(p)) return p >= 0 ? b.equal(l, l) : isApart(b, l, u);
  return p > 0 ? b.add("Not", [b.add("Less", [l, zero(b, l)])]) : b.add("Greater", [l, zero(b, l)]);
}

/** The second derivative is p(p - 1)z^(p - 2). */
const bends =
  (sign: 1 | -1) =>
  (context: RelaxationContext, { l, u }: Ends) => {
    const { b } = context;
    const p = exponentOf(context);
    const [above, below] = [p * (p - 1) * sign > 0, (isOdd(p) ? -1 : 1) * p * (p - 1) * sign > 0];
    if (above === below) return above;
    return above ? b.add("Not", [b.add("Less", [l, zero(b, l)])]) : b.add("Not", [b.add("Greater", [u, zero(b, u)])]);
  };

export const powerRelaxations = {
  // p·z^(p - 1) = λ
  Pow: curve({
    value: (b, z, context) => power(b, z, exponentOf(context)),
    turns: (b, λ, context) => {
      const p = exponentOf(context);
      const size = p === 0 || p === 1 ? zero(b, λ) : power(b, magnitude(b, b.mul(λ, b.scalar(1 / p, λ))), 1 / (p - 1));
      const known = whereDefined(context, size, (l, u) => isDefined(b, p, l, u));
      return [known, b.neg(known), ...(p > 0 ? [0] : [])];
    },
    slopes: bent(
      (context, z) => {
        const { b } = context;
        const p = exponentOf(context);
        // Steepest at 0, where it may have no slope.
        const inside = p < 1 ? b.where(b.equal(z, zero(b, z)), one(b, z), z) : z;
        return b.mul(power(b, inside, p - 1), b.scalar(p, z));
      },
      bends(1),
      bends(-1),
    ),
    rises: false,
    error: { relative: 4, absolute: 0 },
    isOpen: isWide,
  }),
} satisfies Relaxations;
