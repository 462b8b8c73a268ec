import type { Ops } from "../../onnx/ops.ts";
import type { RuleContext, Rules } from "../rule.ts";

/** The rule g·f'(x) of a function of one variable; the slope is written with x and y = f(x). */
const slope =
  (derivative: (b: Ops, x: string, y: string) => string) =>
  ({ g, x: [x], y, b }: RuleContext): string[] => [b.mul(g, derivative(b, x!, y))];

const one = (b: Ops, like: string): string => b.scalar(1, like);
const square = (b: Ops, x: string): string => b.mul(x, x);
const sqrt = (b: Ops, x: string): string => b.add("Sqrt", [x]);

/** 1/√(1 - x²) */
const arcsineSlope = (b: Ops, x: string): string => b.div(one(b, x), sqrt(b, b.sub(one(b, x), square(b, x))));

/** Equal shares among the inputs that are the extreme, as torch.maximum. */
function extremeOfMany({ g, x, y, b, wants }: RuleContext): (string | null)[] {
  const isExtreme = x.map((input) => b.cast(b.equal(input, y), b.fact(y).type ?? "float32"));
  const share = b.div(g, b.sum(isExtreme));
  return x.map((_, i) => (wants(i) ? b.mul(share, isExtreme[i]!) : null));
}

/** Elementary functions, and those of many inputs. */
export const functionRules = {
  // 0 at 0.
  Abs: slope((b, x) => b.add("Sign", [x])),
  Reciprocal: slope((b, _, y) => b.neg(square(b, y))),
  Sin: slope((b, x) => b.add("Cos", [x])),
  Cos: slope((b, x) => b.neg(b.add("Sin", [x]))),
  Tan: slope((b, _, y) => b.plus(one(b, y), square(b, y))),
  Asin: slope(arcsineSlope),
  Acos: slope((b, x) => b.neg(arcsineSlope(b, x))),
  Atan: slope((b, x) => b.div(one(b, x), b.plus(one(b, x), square(b, x)))),
  Sinh: slope((b, x) => b.add("Cosh", [x])),
  Cosh: slope((b, x) => b.add("Sinh", [x])),
  Asinh: slope((b, x) => b.div(one(b, x), sqrt(b, b.plus(square(b, x), one(b, x))))),
  Acosh: slope((b, x) => b.div(one(b, x), sqrt(b, b.sub(square(b, x), one(b, x))))),
  Atanh: slope((b, x) => b.div(one(b, x), b.sub(one(b, x), square(b, x)))),
  Max: extremeOfMany,
  Min: extremeOfMany,
  Sum: ({ g, x }) => x.map(() => g),
  Mean: ({ g, x, b }) => {
    const share = b.div(g, b.scalar(x.length, g));
    return x.map(() => share);
  },
} satisfies Rules;
