import { type Box, type Norm, norms } from "../../../norm.ts";

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
  if (scratch.rooms.length !== p.length) scratch = scratchOf(p.length);
  const { rooms } = scratch;
  const need = Math.abs(rise);
  const up = rise > 0;
  // The sign bit picks the end without a branch: no processor predicts the signs of gradients.
  const bits = bitsOf(w);
  const flip = Number(!up);
  const ends = Float64Array.of(box.upper, box.lower);
  let most = 0;
  for (let i = 0; i < p.length; i++) {
    const space = w[i] === 0 ? 0 : Math.abs(ends[(bits[i]! >>> 31) ^ flip]! - p[i]!);
    rooms[i] = space;
    most += Math.abs(w[i]!) * space;
  }
  if (!(need > 0 && need < Number.POSITIVE_INFINITY && most < Number.POSITIVE_INFINITY)) return 0;
  if (norm === norms.l1) fillSteepest(out, w, need, up, most);
  else fillTogether(out, w, need, up, norm === norms.l2);
  return norm.length(out);
}

const bitsOf = (w: Float32Array): Int32Array => new Int32Array(w.buffer, w.byteOffset, w.length);

interface Scratch {
  /** How far each element can go its way; 0 without weight. */
  readonly rooms: Float64Array;
  /** Weight and room of the elements that are still on their way, packed. */
  readonly steeps: Float64Array;
  readonly spaces: Float64Array;
}

const scratchOf = (size: number): Scratch => ({
  rooms: new Float64Array(size),
  steeps: new Float64Array(size),
  spaces: new Float64Array(size),
});

/** A step takes two moves, each of which would need as much fresh memory as four samples. */
let scratch = scratchOf(0);

/** L∞ and L2. The rise is a concave, piecewise linear function of λ, so Newton's steps from 0 end at the root from below. */
function fillTogether(out: Float32Array, w: Float32Array, need: number, up: boolean, squared: boolean): void {
  const { rooms, steeps, spaces } = scratch;
  let count = 0;
  let slope = 0;
  for (let i = 0; i < w.length; i++) {
    const space = rooms[i]!;
    if (!(space > 0)) continue;
    const steep = Math.abs(w[i]!);
    slope += squared ? steep * steep : steep;
    steeps[count] = steep;
    spaces[count++] = space;
  }
  let left = need;
  let lambda = 0;
  for (;;) {
    // Infinite where all elements have met the box.
    const next = slope > 0 ? left / slope : Number.POSITIVE_INFINITY;
    if (!(next > lambda)) break;
    lambda = next;
    if (lambda === Number.POSITIVE_INFINITY) break;
    slope = 0;
    let standing = 0;
    for (let k = 0; k < count; k++) {
      const steep = steeps[k]!;
      const space = spaces[k]!;
      const pace = squared ? steep : 1;
      if (lambda * pace >= space) {
        left -= steep * space;
        continue;
      }
      slope += steep * pace;
      steeps[standing] = steep;
      spaces[standing++] = space;
    }
    // Where none has met the box, λ is the root.
    if (standing === count) break;
    count = standing;
  }
  const bits = bitsOf(w);
  const signs = up ? Float64Array.of(1, -1) : Float64Array.of(-1, 1);
  for (let i = 0; i < w.length; i++) {
    const way = squared ? lambda * Math.abs(w[i]!) : lambda;
    // What has no weight stays where it is, by 0 and not by -0.
    out[i] = signs[bits[i]! >>> 31]! * (way < rooms[i]! ? way : rooms[i]!) + 0;
  }
}

/**
 * L1. The weight down to which all elements go to the box is found by bisection over the bits of |w_i|, which are in the
 * order of the values they stand for: exact, and without sorting.
 */
function fillSteepest(out: Float32Array, w: Float32Array, need: number, up: boolean, most: number): void {
  const { rooms } = scratch;
  const bits = new Uint32Array(w.buffer, w.byteOffset, w.length);
  // The rise from the elements of `low` or more is enough, that from those of `high` or more is not.
  let [low, high] = [1, 0x7f800000];
  let above = 0;
  while (most > need && high - low > 1) {
    const middle = (low + high) >>> 1;
    let rise = 0;
    for (let i = 0; i < w.length; i++) if ((bits[i]! & 0x7fffffff) >= middle) rise += Math.abs(w[i]!) * rooms[i]!;
    if (rise >= need) low = middle;
    else {
      high = middle;
      above = rise;
    }
  }
  let left = most > need ? need - above : Number.POSITIVE_INFINITY;
  for (let i = 0; i < w.length; i++) {
    const magnitude = bits[i]! & 0x7fffffff;
    if (magnitude < low) continue;
    let step = rooms[i]!;
    // Equals in the order of their indices.
    if (magnitude === low) {
      step = Math.min(step, Math.max(0, left) / Math.abs(w[i]!));
      left -= step * Math.abs(w[i]!);
    }
    out[i] = w[i]! > 0 === up ? step : -step;
  }
}
