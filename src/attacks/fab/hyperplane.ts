import { type Box, type Norm, norms } from "../../norm.ts";

/**
 * The least move d in the norm with ⟨w, d⟩ = `rise` and p + d in the box, into `out`; where the box does not allow as
 * much, the corner that comes nearest. Elements of no weight stay. Returns ‖d‖; no move where w or `rise` is not finite.
 *
 * Every element moves its own way, |w_i| of rise for each unit, until it meets the box. Least moves: in L∞ all by the same
 * λ; in L2 by λ|w_i|, the condition of optimality of the Lagrangian; in L1 the steepest first.
 */
export function moveToHyperplane(
  out: Float32Array,
  p: Float32Array,
  w: Float32Array,
  rise: number,
  norm: Norm,
  box: Box,
): number {
  out.fill(0);
  const need = Math.abs(rise);
  const up = rise > 0;
  let most = 0;
  for (let i = 0; i < p.length; i++) if (w[i] !== 0) most += Math.abs(w[i]!) * room(p[i]!, w[i]! > 0 === up, box);
  if (!(need > 0 && need < Number.POSITIVE_INFINITY && most < Number.POSITIVE_INFINITY)) return 0;
  if (norm === norms.l1) fillSteepest(out, p, w, need, up, box, most);
  else fillTogether(out, p, w, need, up, box, norm === norms.l2);
  return norm.length(out);
}

/** How far an element can go up or down. */
const room = (p: number, up: boolean, { lower, upper }: Box): number => (up ? upper - p : p - lower);

/** L∞ and L2. The rise is a concave, piecewise linear function of λ, so Newton's steps from 0 end at the root from below. */
function fillTogether(
  out: Float32Array,
  p: Float32Array,
  w: Float32Array,
  need: number,
  up: boolean,
  box: Box,
  squared: boolean,
): void {
  let lambda = 0;
  for (;;) {
    let left = need;
    let slope = 0;
    for (let i = 0; i < p.length; i++) {
      if (w[i] === 0) continue;
      const steep = Math.abs(w[i]!);
      const pace = squared ? steep : 1;
      const space = room(p[i]!, w[i]! > 0 === up, box);
      if (lambda * pace >= space) left -= steep * space;
      else slope += steep * pace;
    }
    // Infinite where all elements have met the box.
    const next = slope > 0 ? left / slope : Number.POSITIVE_INFINITY;
    if (!(next > lambda)) break;
    lambda = next;
    if (lambda === Number.POSITIVE_INFINITY) break;
  }
  for (let i = 0; i < p.length; i++) {
    if (w[i] === 0) continue;
    const rises = w[i]! > 0 === up;
    const step = Math.min(room(p[i]!, rises, box), squared ? lambda * Math.abs(w[i]!) : lambda);
    out[i] = rises ? step : -step;
  }
}

/**
 * L1. The weight down to which all elements go to the box is found by bisection over the bits of |w_i|, which are in the
 * order of the values they stand for: exact, and without sorting.
 */
function fillSteepest(
  out: Float32Array,
  p: Float32Array,
  w: Float32Array,
  need: number,
  up: boolean,
  box: Box,
  most: number,
): void {
  const bits = new Uint32Array(w.buffer, w.byteOffset, w.length);
  // The rise from the elements of `low` or more is enough, that from those of `high` or more is not.
  let [low, high] = [1, 0x7f800000];
  let above = 0;
  while (most > need && high - low > 1) {
    const middle = (low + high) >>> 1;
    let rise = 0;
    for (let i = 0; i < p.length; i++)
      if ((bits[i]! & 0x7fffffff) >= middle) rise += Math.abs(w[i]!) * room(p[i]!, w[i]! > 0 === up, box);
    if (rise >= need) low = middle;
    else {
      high = middle;
      above = rise;
    }
  }
  let left = most > need ? need - above : Number.POSITIVE_INFINITY;
  for (let i = 0; i < p.length; i++) {
    const magnitude = bits[i]! & 0x7fffffff;
    if (magnitude < low) continue;
    const rises = w[i]! > 0 === up;
    let step = room(p[i]!, rises, box);
    // Equals in the order of their indices.
    if (magnitude === low) {
      step = Math.min(step, Math.max(0, left) / Math.abs(w[i]!));
      left -= step * Math.abs(w[i]!);
    }
    out[i] = rises ? step : -step;
  }
}
