import type { Box } from "../../norm.ts";

/** The bounds by the sign bit of a slope: what an element meets on its way up, and on its way down. */
const edges = new Float64Array(2);

/**
 * The step of L∞ and its projection in one pass: `length` along the sign of `direction` from the point `from` of the ball
 * around x and the bounds, and no further than their edges; into `out`. A slope that is 0 or NaN moves nothing.
 */
export function signStep(
  out: Float32Array,
  from: Float32Array,
  direction: Float32Array,
  x: Float32Array,
  length: number,
  epsilon: number,
  { lower, upper }: Box,
): void {
  const [step, e] = [Math.fround(length), Math.fround(epsilon)];
  edges[0] = upper;
  edges[1] = lower;
  // Sign bits and magnitudes choose without a branch: no processor predicts the signs of gradients, and this is the hot loop.
  const bits = new Int32Array(direction.buffer, direction.byteOffset, direction.length);
  for (let i = 0; i < out.length; i++) {
    const p = from[i]!;
    const magnitude = (bits[i]! << 1) >>> 0;
    if (magnitude === 0 || magnitude > 0xff000000) {
      out[i] = p;
      continue;
    }
    const down = bits[i]! >>> 31;
    const sign = 1 - 2 * down;
    const toBounds = (edges[down]! - p) * sign;
    const toBall = (Math.fround(x[i]! + sign * e) - p) * sign;
    // The least of the three: min(a, b) = (a + b - |a - b|) / 2.
    const room = (toBounds + toBall - Math.abs(toBounds - toBall)) / 2;
    const v = p + (sign * (room + step - Math.abs(room - step))) / 2;
    out[i] = v < lower ? lower : v > upper ? upper : v;
  }
}
