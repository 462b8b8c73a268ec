import { again, type LinearContext, type LinearOperator, type Terms, withOperands } from "../../autodiff/linear.ts";
import { type Enclosure, UNIT } from "../../autodiff/relaxation.ts";

/** In the shape of a node's output: how far its sums can be off in the network, and all that a bound has to allow for. */
export interface Rounding {
  readonly network: string;
  readonly all: string;
}

/** Beyond this many terms in one sum, γ is no small number any more. */
const MOST_TERMS = 2 ** 20;
/** More than all that sums of numbers too small for float32 can lose. */
const UNDERFLOW = 1e-30;
/** What one number loses at most that is too small for float32, also where such numbers count as 0. */
export const LOST = 2 ** -125;

/** γₙ = nu/(1 - nu), a little larger, so that what is computed with it may be rounded. Infinite where sums are too long for it. */
export const gamma = (terms: number): number =>
  terms <= MOST_TERMS ? (1.01 * terms * UNIT) / (1 - 2 * terms * UNIT) : Number.POSITIVE_INFINITY;

/** The node at the centre in float64, rounded to float32 once. */
export function inDouble({ node, b, x }: LinearContext): string {
  const precise = again(
    { node, b },
    x.map((name) => (name === "" ? "" : b.cast(name, "float64"))),
  );
  return b.cast(precise, "float32");
}

/**
 * Adding n numbers in any order is off by the sum of |partial sums|, times u, and each of these is not above the larger of the sum of what is
 * positive, P, and of what is negative, N: with P + N = |W|·(max(u, 0) - min(l, 0)) + |b| and P - N = W·(max(u, 0) + min(l, 0)) + b. A number that is 0
 * all over the box, as most neurons behind a Relu are, is added exactly and does not count.
 */
export function roundingOf(
  context: LinearContext,
  { terms, count }: { readonly terms: Terms; readonly count: LinearOperator["count"] },
  box: (i: number) => Enclosure,
  absolute: (h: (i: number) => string, additive: boolean) => string,
  precise: string | undefined,
): Rounding {
  const { b, x } = context;
  const zero = b.scalar(0, x[0]!);
  const parts = new Map<number, { size: string; sum: string }>();
  const partsOf = (i: number) => {
    const { lower, upper, centre } = box(i);
    // The centre may be outside of what is assumed of a part of the box, and is then rounded as a number of its own size.
    const own = precise === undefined ? [centre] : [];
    const [up, down] = [b.add("Max", [upper, ...own, zero]), b.add("Min", [lower, ...own, zero])];
    const known = parts.get(i) ?? { size: b.sub(up, down), sum: b.plus(up, down) };
    parts.set(i, known);
    return known;
  };
  const scaled = (value: string, by: number) => b.mul(value, b.scalar(by, value));
  // Before opset 11, Equal compares no floats.
  const isZero = (i: number) => b.cast(b.add("Not", [b.add("Greater", [partsOf(i).size, zero])]), "float32");
  const reach = (i: number) => b.add("Max", [b.sub(box(i).upper, box(i).centre), b.sub(box(i).centre, box(i).lower)]);
  const backwards = scaled(absolute(reach, false), gamma(terms.backwards + 4));
  // What only moves forwards is exact there.
  if (terms.forwards === 0) return { network: b.mul(backwards, zero), all: backwards };
  const γ = gamma(terms.forwards);
  const all = absolute((i) => partsOf(i).size, true);
  const signed = withOperands(context, (i) => partsOf(i).sum);
  const larger = b.plus(scaled(all, 0.5 + γ), scaled(b.add("Abs", [signed]), 0.5));
  const zeros = count?.(context, isZero);
  const added = zeros && b.sub(b.scalar(terms.forwards, zero), zeros);
  const partial = added ? b.mul(larger, scaled(added, γ / terms.forwards)) : scaled(larger, γ);
  const network = b.plus(b.plus(partial, scaled(all, 3 * UNIT)), b.scalar(UNDERFLOW, zero));
  const centre =
    precise === undefined ? network : b.plus(scaled(b.add("Abs", [precise]), 2 * UNIT), b.scalar(UNDERFLOW, zero));
  return { network, all: b.plus(b.plus(network, centre), backwards) };
}
