import type { Ops } from "../../onnx/ops.ts";
import type { RuleContext, Rules } from "../rule.ts";
import { overWindows, windowOf } from "./pooling.ts";

/**
 * y = (Σ|x|^p)^(1/p): ∂y/∂x = sign(x)·|x|^(p - 1)·y^(1 - p), and 0 where a window is all zeros, as torch's norm.
 * @param spread sums what each window says of an element
 */
function lpGradient({ node, x: [x], y, g, b }: RuleContext, spread: (values: string) => string): string[] {
  const p = node.attributes.int("p", 2);
  const zero = b.scalar(0, y);
  const type = b.fact(y).type ?? "float32";
  // Where y is 0, so is every x of the window: any divisor will do.
  const divisor = b.plus(y, b.cast(b.equal(y, zero), type));
  const slope = p === 1 ? g : b.div(g, power(b, divisor, p - 1));
  return [b.mul(signedPower(b, x!, p - 1), spread(slope))];
}

/** sign(x)·|x|^exponent, for a whole exponent of 0 or more. */
function signedPower(b: Ops, x: string, exponent: number): string {
  if (exponent % 2 === 1) return power(b, x, exponent);
  if (exponent > 0) return b.mul(x, power(b, b.add("Abs", [x]), exponent - 1));
  const type = b.fact(x).type ?? "float32";
  const [zero, cast] = [b.scalar(0, x), (condition: string) => b.cast(condition, type)];
  return b.sub(cast(b.add("Greater", [x, zero])), cast(b.add("Less", [x, zero])));
}

const power = (b: Ops, x: string, exponent: number): string =>
  exponent === 1 ? x : b.add("Pow", [x, b.scalar(exponent, x)]);

export const lpPoolRules = {
  LpPool: (context) =>
    lpGradient(context, (values) => overWindows(context.b, values, context.x[0]!, windowOf(context))),
  GlobalLpPool: (context) => lpGradient(context, (values) => values),
} satisfies Rules;
