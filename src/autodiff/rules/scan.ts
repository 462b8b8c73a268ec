import type { RuleContext, Rules } from "../rule.ts";
import { asTypeOf } from "./selection.ts";

/** The attributes of a scan, in its direction or against it. */
function directions({ node }: RuleContext) {
  const exclusive = node.attributes.int("exclusive", 0);
  const reverse = node.attributes.int("reverse", 0);
  return { along: { exclusive, reverse }, against: { exclusive, reverse: 1 - reverse } };
}

/**
 * Each factor gets Σ g·y over the products that hold it, divided by it. The first 0 gets the same with 1 in its place; later
 * factors stand in no product but 0, as torch.cumprod.
 */
function cumProdGradient(context: RuleContext): (string | null)[] {
  const { x, y, g, b } = context;
  const [factors, axis] = [x[0]!, x[1]!];
  const { along, against } = directions(context);
  const totals = (products: string) => b.add("CumSum", [b.mul(g, products), axis], against);
  const isZero = b.equal(factors, b.scalar(0, factors));
  const count = b.add("CumSum", [asTypeOf(b, isZero, g), axis], { ...along, exclusive: 0 });
  const isFirst = b.add("And", [isZero, b.equal(count, b.scalar(1, count))]);
  const orOne = (condition: string) => b.where(condition, b.scalar(1, factors), factors);
  const atFirst = totals(b.add("CumProd", [orOne(isFirst), axis], along));
  return [b.where(isFirst, atFirst, b.div(totals(y), orOne(isZero))), null];
}

/** The sum, and the sum weighted by position. */
function rangeGradient({ x: [start, limit, delta], y, g, b, wants }: RuleContext): (string | null)[] {
  const total = (value: string) => b.reduceSum(value, [0], false);
  const positions = () => b.div(b.sub(y, start!), delta!);
  // The limit changes the count only, in steps.
  return [total(g), b.full(0, limit!), wants(2) ? total(b.mul(g, positions())) : null];
}

/** Sums, products and progressions along an axis. */
export const scanRules = {
  CumSum: (context) => [context.b.add("CumSum", [context.g, context.x[1]!], directions(context).against), null],
  CumProd: cumProdGradient,
  Range: rangeGradient,
} satisfies Rules;
