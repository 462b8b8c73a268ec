import type { Box } from "../../../norm.ts";

/** More than the search for λ takes: the interval halves at least every other round. */
const ROUNDS = 200;

/**
 * The point nearest to `out`, in the Euclidean sense, of the L1 ball around `x` cut by the box; into `out`. To project onto
 * the ball and clip then is another, worse point (Croce and Hein 2021, https://arxiv.org/abs/2103.01208, §2.1).
 * With d = out - x and r the room in d's direction, it is x + sign(d)·min(max(|d| - λ, 0), r) with the least λ ≥ 0 that
 * keeps the budget: a root of a falling, piecewise linear function, found by Newton's method between two bounds.
 */
export function projectL1Box(out: Float32Array, x: Float32Array, epsilon: number, { lower, upper }: Box): void {
  let low = 0;
  let high = 0;
  let lambda = 0;
  for (let round = 0; round < ROUNDS; round++) {
    let spent = 0;
    let free = 0;
    for (let i = 0; i < out.length; i++) {
      const d = out[i]! - x[i]!;
      const magnitude = Math.abs(d);
      const room = d > 0 ? upper - x[i]! : x[i]! - lower;
      const left = magnitude - lambda;
      if (round === 0 && magnitude > high) high = magnitude;
      if (left >= room) spent += room;
      else if (left > 0) {
        spent += left;
        free++;
      }
    }
    if (round === 0 && spent <= epsilon) break;
    if (spent > epsilon) low = lambda;
    else high = lambda;
    const newton = free > 0 ? lambda + (spent - epsilon) / free : Number.NaN;
    const next = round % 4 !== 3 && newton > low && newton < high ? newton : (low + high) / 2;
    if (Math.abs(next - lambda) <= 1e-12 * epsilon || next <= low || next >= high) {
      lambda = next;
      break;
    }
    lambda = next;
  }
  for (let i = 0; i < out.length; i++) {
    const d = out[i]! - x[i]!;
    const moved = x[i]! + Math.sign(d) * Math.max(0, Math.abs(d) - lambda);
    out[i] = moved < lower ? lower : moved > upper ? upper : moved;
  }
}
