import type { Box, Norm } from "./contract.ts";
import { byMagnitude, room } from "./elements.ts";

/** How many elements a step finds in one pass before all are sorted. */
const FEW = 16;

/** Σ |v_i| */
export const l1: Norm = {
  name: "l1",
  dual: "linf",
  distance(a, b) {
    let sum = 0;
    for (let i = 0; i < a.length; i++) sum += Math.abs(a[i]! - b[i]!);
    return sum;
  },
  length(v) {
    let sum = 0;
    for (let i = 0; i < v.length; i++) sum += Math.abs(v[i]!);
    return sum;
  },
  /** Soft thresholding with the threshold that meets ε. */
  project(out, x, epsilon, { lower, upper }) {
    // Rounding of the threshold must not leave a trace of what was there.
    if (epsilon === 0) out.set(x);
    const threshold = thresholdOf(out, x, epsilon);
    for (let i = 0; i < out.length; i++) {
      const d = out[i]! - x[i]!;
      const v =
        threshold === 0
          ? out[i]!
          : d > threshold
            ? x[i]! + (d - threshold)
            : d < -threshold
              ? x[i]! + (d + threshold)
              : x[i]!;
      out[i] = v < lower ? lower : v > upper ? upper : v;
    }
  },
  /** The whole budget on the steepest element until it meets the box, then on the next. */
  ascend(out, x, g, epsilon, box) {
    out.set(x);
    let budget = epsilon;
    const spend = (i: number): void => {
      const step = Math.min(budget, room(x[i]!, g[i]!, box));
      const v = x[i]! + Math.sign(g[i]!) * step;
      out[i] = v < box.lower ? box.lower : v > box.upper ? box.upper : v;
      budget -= step;
    };
    const first = steepest(x, g, box);
    for (let k = 0; k < first.length && budget > 0; k++) spend(first[k]!);
    if (!(budget > 0) || first.length < FEW) return;
    for (const i of byMagnitude(g)) {
      if (!(budget > 0) || g[i] === 0) break;
      if (!first.includes(i)) spend(i);
    }
  },
  /** Exponential gaps with random signs, one gap left over: uniform in the ball. */
  uniform(out, x, epsilon, random) {
    const gaps = new Float64Array(out.length + 1);
    let total = 0;
    for (let i = 0; i < gaps.length; i++) {
      const gap = -Math.log(1 - random.uniform());
      gaps[i] = gap;
      total += gap;
    }
    for (let i = 0; i < out.length; i++)
      out[i] = x[i]! + (random.uniform() < 0.5 ? -1 : 1) * epsilon * (gaps[i]! / total);
  },
};

/**
 * τ with Σ max(|out - x| - τ, 0) = ε: the mean excess of those above it, found by leaving out those below it until none is left
 * (Michelot 1986, https://doi.org/10.1007/BF00938486); 0 where all is within ε.
 */
function thresholdOf(out: Float32Array, x: Float32Array, epsilon: number): number {
  if (above.length < out.length) above = new Float64Array(out.length);
  let sum = 0;
  for (let i = 0; i < out.length; i++) {
    const d = Math.abs(out[i]! - x[i]!);
    above[i] = d;
    sum += d;
  }
  let threshold = 0;
  if (!(sum > epsilon)) return threshold;
  for (let count = out.length, before = count + 1; count > 0 && count < before; ) {
    threshold = (sum - epsilon) / count;
    before = count;
    count = 0;
    sum = 0;
    for (let k = 0; k < before; k++) {
      const d = above[k]!;
      // Kept or not, without a branch: no processor predicts which.
      const kept = Number(d > threshold);
      above[count] = d;
      count += kept;
      sum += d * kept;
    }
  }
  return threshold;
}

/** Magnitudes, reused: projections are many, and none outlives its call. */
let above = new Float64Array(0);

/** The FEW steepest elements that have room, falling; the first of equals comes first. */
function steepest(x: Float32Array, g: Float32Array, box: Box): number[] {
  const found: number[] = [];
  let least = 0;
  for (let i = 0; i < g.length; i++) {
    const v = Math.abs(g[i]!);
    // What has no room costs nothing, and is passed over.
    if (!(v > least) || room(x[i]!, g[i]!, box) === 0) continue;
    let at = found.length < FEW ? found.length : FEW - 1;
    for (; at > 0 && Math.abs(g[found[at - 1]!]!) < v; at--) found[at] = found[at - 1]!;
    found[at] = i;
    if (found.length === FEW) least = Math.abs(g[found[FEW - 1]!]!);
  }
  return found;
}
