import { wilson95 } from "./statistics.ts";

/** How many samples are correct (and, under attack, not fooled) for both models, only one of them, or neither. */
export interface PairedCounts {
  readonly both: number;
  readonly onlyA: number;
  readonly onlyB: number;
  readonly neither: number;
}

/**
 * The exact test of McNemar (1947, https://doi.org/10.1007/BF02295996), two-sided: the probability that, were both models
 * correct equally often, the samples that only one of them gets correct would be split as unevenly as this or more. It
 * never rejects too often, and is conservative (Fagerland et al. 2013, https://doi.org/10.1186/1471-2288-13-91).
 */
export function mcNemar({ onlyA, onlyB }: Pick<PairedCounts, "onlyA" | "onlyB">): number {
  const n = onlyA + onlyB;
  const k = Math.min(onlyA, onlyB);
  // C(n, k) / 2^n, kept near 1 on the way: neither part of it need be a double.
  let most = 1;
  let halvings = n;
  for (let i = 1; i <= k; i++) {
    most *= (n - k + i) / i;
    for (; most > 1 && halvings > 0; halvings--) most /= 2;
  }
  most *= 2 ** -halvings;
  let [term, sum] = [1, 1];
  for (let i = k; i > 0 && term > sum * Number.EPSILON; i--) {
    term *= i / (n - i + 1);
    sum += term;
  }
  return Math.min(1, 2 * most * sum);
}

/**
 * The 95 % interval for the accuracy of A minus that of B on the same samples: method 10 of Newcombe (1998, Statistics in
 * Medicine 17:2635), which joins the two Wilson intervals by the correlation of the pairs.
 */
export function differenceInterval({ both, onlyA, onlyB, neither }: PairedCounts): readonly [number, number] {
  const n = both + onlyA + onlyB + neither;
  if (n === 0) return [-1, 1];
  const [rightA, rightB] = [both + onlyA, both + onlyB];
  const [a, b] = [rightA / n, rightB / n];
  const [lowA, highA] = wilson95(rightA, n);
  const [lowB, highB] = wilson95(rightB, n);
  const margins = Math.sqrt(rightA * (n - rightA)) * Math.sqrt(rightB * (n - rightB));
  const cross = both * neither - onlyA * onlyB;
  // The correction for continuity is for positive correlation only.
  const phi = margins === 0 ? 0 : (cross > 0 ? Math.max(0, cross - n / 2) : cross) / margins;
  const spread = (u: number, v: number): number => Math.sqrt(Math.max(0, u * u - 2 * phi * u * v + v * v));
  const difference = (onlyA - onlyB) / n;
  return [difference - spread(a - lowA, highB - b), difference + spread(highA - a, b - lowB)];
}
