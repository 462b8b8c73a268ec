import { PerturbError } from "../errors.ts";
import { normalQuantile } from "./normal.ts";

/** A bound is moved down by this share of itself: more than float64 is off in it, and in the normal quantile of it. */
const OUTWARDS = 2 ** -40;
/** Terms of a continued fraction beyond which it is given up: √n of them are enough. */
const MOST_TERMS = 1_000_000;

/**
 * P(X ≥ k) of X ~ Binomial(n, p): the regularized incomplete beta function I_p(k, n - k + 1). Relative error about 1e-13.
 * `n`, `k` whole numbers, p in [0, 1].
 */
export function binomialUpperTail(n: number, k: number, p: number): number {
  if (k <= 0) return 1;
  if (k > n || p <= 0) return 0;
  if (p >= 1) return 1;
  // The fraction converges fast below the mean of the beta distribution.
  if (p < (k + 1) / (n + 3)) return incompleteBeta(n, k, p);
  return 1 - incompleteBeta(n, n - k + 1, 1 - p);
}

/** I_p(k, n - k + 1) by its continued fraction (Abramowitz and Stegun 1964, 26.5.8), evaluated as Lentz does. */
function incompleteBeta(n: number, k: number, p: number): number {
  const [a, b] = [k, n - k + 1];
  let c = 1;
  let d = 1 / (1 - ((a + b) * p) / (a + 1));
  let fraction = d;
  for (let m = 1; m <= MOST_TERMS; m++) {
    const at = a + 2 * m;
    const even = (m * (b - m) * p) / ((at - 1) * at);
    d = 1 / (1 + even * d);
    c = 1 + even / c;
    fraction *= d * c;
    const odd = (-(a + m) * (a + b + m) * p) / (at * (at + 1));
    d = 1 / (1 + odd * d);
    c = 1 + odd / c;
    fraction *= d * c;
    if (Math.abs(d * c - 1) < 2 ** -52) return binomialMass(n, k, p) * (1 - p) * fraction;
  }
  throw new PerturbError("internal", `I_p(k, n - k + 1) does not converge for n = ${n}, k = ${k}, p = ${p}.`);
}

/** P(X = k), from deviances and not from differences of large logarithms (Loader 2000, "Fast and accurate computation of binomial probabilities"). */
function binomialMass(n: number, k: number, p: number): number {
  if (k === 0) return Math.exp(n * Math.log1p(-p));
  if (k === n) return Math.exp(n * Math.log(p));
  const stirling = stirlingError(n) - stirlingError(k) - stirlingError(n - k);
  const exponent = stirling - deviance(k, n * p) - deviance(n - k, n * (1 - p));
  return Math.exp(exponent) * Math.sqrt(n / (2 * Math.PI * k * (n - k)));
}

/** x log(x/m) + m - x. */
function deviance(x: number, m: number): number {
  const d = (x - m) / m;
  return m * ((1 + d) * Math.log1p(d) - d);
}

/** log n! less Stirling's approximation of it, for whole numbers; above 15, that of Γ(n + 1) for any. */
export function stirlingError(n: number): number {
  if (n > 15) {
    const s = 1 / (n * n);
    return (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - s / 1188) * s) * s) * s) / n;
  }
  let factorial = 1;
  for (let i = 2; i <= n; i++) factorial *= i;
  return Math.log(factorial) - (n + 0.5) * Math.log(n) + n - Math.log(2 * Math.PI) / 2;
}

/**
 * The one-sided lower bound of Clopper and Pearson (1934, https://doi.org/10.1093/biomet/26.4.404) of the p behind k successes in
 * n draws: in a share of at least 1 - α of all experiments it is not above p. It is the α quantile of Beta(k, n - k + 1), and lies
 * less than 1e-12 of itself below that, never above.
 * @throws usage unless 0 ≤ k ≤ n are whole numbers, n ≥ 1, and 0 < α < 1
 */
export function clopperPearsonLower(k: number, n: number, alpha: number): number {
  const isCount = Number.isSafeInteger(n) && n >= 1 && Number.isSafeInteger(k) && k >= 0 && k <= n;
  if (!isCount || !(alpha > 0 && alpha < 1))
    throw new PerturbError(
      "usage",
      `A lower bound takes k successes in n draws and 0 < α < 1, got k = ${k}, n = ${n}, α = ${alpha}.`,
    );
  if (k === 0) return 0;
  return (k === n ? Math.exp(Math.log(alpha) / n) : solveTail(k, n, alpha)) * (1 - OUTWARDS);
}

/**
 * The p with P(X ≥ k) = α. The logarithm of the tail is concave in p, so that Newton's steps approach it from below, whatever
 * they begin with.
 */
function solveTail(k: number, n: number, alpha: number): number {
  let p = startingPoint(k, n, alpha);
  let rises = false;
  for (let i = 0; i < 200; i++) {
    const tail = binomialUpperTail(n, k, p);
    const slope = (binomialMass(n, k, p) * k) / p / tail;
    const step = (Math.log(alpha) - Math.log(tail)) / slope;
    const next = p + step;
    // Where the tail is too small for float64, or a step leads out, the interval is halved instead.
    if (!Number.isFinite(next)) p = (p + k / n) / 2;
    else if (next <= 0) p /= 2;
    else if (Math.abs(step) <= 2 ** -52 * p || (rises && step < 0)) return next;
    else {
      rises = step > 0;
      p = next;
    }
  }
  throw new PerturbError("internal", `The bound of ${k} successes in ${n} draws at α = ${alpha} was not found.`);
}

/** The lower end of Wilson's interval, which is near. */
function startingPoint(k: number, n: number, alpha: number): number {
  const z = Math.max(0, -normalQuantile(alpha));
  const p = k / n;
  const spread = z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  const low = (p + (z * z) / (2 * n) - spread) / (1 + (z * z) / n);
  return Math.min(Math.max(low, p / 1000), p);
}

/** The two-sided binomial test of k successes in n draws against p = 1/2: its p-value. */
export function fairCoinTest(k: number, n: number): number {
  return Math.min(1, 2 * binomialUpperTail(n, Math.max(k, n - k), 0.5));
}
