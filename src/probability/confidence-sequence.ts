import { PerturbError } from "../errors.ts";
import { stirlingError } from "./binomial.ts";

/** An end is found to this share of itself, or of its distance to 1, and rounded outwards. */
const CLOSE = 2 ** -44;

export interface SequenceOptions {
  /** Above 0 and below 1. */
  readonly alpha: number;
  /** Above 0; chosen before the first draw. Intervals are shortest after some nine times as many draws. */
  readonly weight: number;
}

/**
 * Where the p behind k successes in n draws lies, by a confidence sequence: with probability 1 - α or more, the intervals of all n hold p at once. So
 * whoever draws may look after every draw, and stop when they like. Of each p, somebody who does not believe it bets on every draw: after k of n, that
 * the next one succeeds with (k + wp) / (n + w), w the weight. If p is right, what they have is a martingale that begins with 1, and so ever
 * reaches 1/α with probability α at most (Ville's inequality); where it has, p is outside. This is Robbins's mixture of likelihood ratios (1970,
 * https://doi.org/10.1214/aoms/1177696786), over Beta(wp, w(1 - p)): the beta-binomial one of Howard et al. (2021, https://arxiv.org/abs/1810.08240).
 * @throws usage unless 0 ≤ k ≤ n are whole numbers, 0 < α < 1, and the weight is above 0
 */
export function confidenceSequence(
  k: number,
  n: number,
  { alpha, weight }: SequenceOptions,
): readonly [number, number] {
  const isCount = Number.isSafeInteger(n) && Number.isSafeInteger(k) && k >= 0 && k <= n;
  if (!isCount || !(alpha > 0 && alpha < 1) || !(weight > 0 && weight < Number.POSITIVE_INFINITY))
    throw new PerturbError(
      "usage",
      `A confidence sequence takes k successes in n draws, 0 < α < 1 and a weight above 0, got k = ${k}, n = ${n}, α = ${alpha}, weight = ${weight}.`,
    );
  const most = -Math.log(alpha);
  return [lowerEnd(k, n, weight, most), 1 - lowerEnd(n - k, n, weight, most)];
}

/** By bisection from k/n down: the wealth is convex in p, and at k/n at most 1. After one success it is so at 0, too. */
function lowerEnd(k: number, n: number, weight: number, most: number): number {
  if (k <= 1) return 0;
  let [outside, inside] = [0, k / n];
  while (inside - outside > CLOSE * inside) {
    const p = (outside + inside) / 2;
    if (logWealth(k, n, p, weight) < most) inside = p;
    else outside = p;
  }
  return outside;
}

/** The logarithm of what somebody has who bet 1 in the beginning that it is not p. */
function logWealth(k: number, n: number, p: number, weight: number): number {
  const won = logRising(weight * p, k) - k * Math.log(p);
  const lost = logRising(weight * (1 - p), n - k) - (n - k) * Math.log1p(-p);
  return won + lost - logRising(weight, n);
}

/** log x (x + 1) … (x + n - 1), by the difference of two of Stirling's approximations. */
function logRising(x: number, n: number): number {
  let [sum, from, left] = [0, x, n];
  for (; left > 0 && from < 16; from++, left--) sum += Math.log(from);
  if (left === 0) return sum;
  const to = from + left;
  const errors = stirlingError(to) - stirlingError(from);
  return sum + (from - 0.5) * Math.log1p(left / from) + left * (Math.log(to) - 1) + errors;
}
