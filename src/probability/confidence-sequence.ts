import { PerturbError } from "../errors.ts";
import { binomialMass } from "./binomial.ts";

/** The ends are found to this share of themselves, or of their distance to 1, and rounded outwards. */
const CLOSE = 2 ** -48;

/**
 * Where the p behind k successes in n draws lies, by a confidence sequence: with probability 1 - α or more the intervals of all n hold p at once. So
 * whoever draws may look at them after every draw, and stop when they like. p is inside if (n + 1) P(X = k) > α for X ~ Binomial(n, p). The inverse
 * of the left side is the likelihood ratio of all p, mixed evenly, to this one (Robbins 1970, https://doi.org/10.1214/aoms/1177696786; Howard et al.
 * 2021, https://arxiv.org/abs/1810.08240): a martingale that begins with 1, and so reaches 1/α with probability α at most (Ville's inequality).
 * @throws usage unless 0 ≤ k ≤ n are whole numbers, and 0 < α < 1
 */
export function confidenceSequence(k: number, n: number, alpha: number): readonly [number, number] {
  if (!(Number.isSafeInteger(n) && Number.isSafeInteger(k) && k >= 0 && k <= n && alpha > 0 && alpha < 1))
    throw new PerturbError(
      "usage",
      `A confidence sequence takes k successes in n draws and 0 < α < 1, got k = ${k}, n = ${n}, α = ${alpha}.`,
    );
  return [lowerEnd(k, n, alpha), 1 - lowerEnd(n - k, n, alpha)];
}

/** By bisection below k/n, where P(X = k) is largest: it falls from there on. */
function lowerEnd(k: number, n: number, alpha: number): number {
  if (k === 0) return 0;
  let [outside, inside] = [0, k / n];
  while (inside - outside > CLOSE * inside) {
    const p = (outside + inside) / 2;
    if ((n + 1) * binomialMass(n, k, p) > alpha) inside = p;
    else outside = p;
  }
  return outside;
}
