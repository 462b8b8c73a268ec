import type { Norm } from "./contract.ts";

/** max |v_i|. ε and the edges of the ball are rounded to float32, as in every float32 implementation of FGSM. */
export const linf: Norm = {
  name: "linf",
  dual: "l1",
  distance(a, b) {
    let most = 0;
    for (let i = 0; i < a.length; i++) {
      const d = Math.abs(a[i]! - b[i]!);
      if (d > most) most = d;
      else if (Number.isNaN(d)) return d;
    }
    return most;
  },
  length(v) {
    let most = 0;
    for (let i = 0; i < v.length; i++) {
      const d = Math.abs(v[i]!);
      if (d > most) most = d;
      else if (Number.isNaN(d)) return d;
    }
    return most;
  },
  project(out, x, epsilon, { lower, upper }) {
    const e = Math.fround(epsilon);
    for (let i = 0; i < out.length; i++) {
      const low = Math.fround(x[i]! - e);
      const high = Math.fround(x[i]! + e);
      let v = out[i]!;
      if (v < low) v = low;
      else if (v > high) v = high;
      if (v < lower) v = lower;
      else if (v > upper) v = upper;
      out[i] = v;
    }
  },
  ascend(out, x, g, epsilon, { lower, upper }) {
    const e = Math.fround(epsilon);
    // The sign bit chooses without a branch: no processor predicts the signs of gradients, and this is the hot loop.
    const bits = new Int32Array(g.buffer, g.byteOffset, g.length);
    for (let i = 0; i < out.length; i++) {
      const p = x[i]!;
      let up = p + e;
      if (up > upper) up = upper;
      let down = p - e;
      if (down < lower) down = lower;
      const magnitude = (bits[i]! << 1) >>> 0;
      // No sign: zero, or NaN (which lies above infinity), both of which leave the pixel where it is.
      const still = magnitude === 0 || magnitude > 0xff000000;
      out[i] = still ? p : up + (down - up) * (bits[i]! >>> 31);
    }
  },
  uniform(out, x, epsilon, random) {
    for (let i = 0; i < out.length; i++) out[i] = x[i]! + epsilon * (2 * random.uniform() - 1);
  },
};
