import type { Box } from "./contract.ts";

export const clampInto = (out: Float32Array, { lower, upper }: Box): void => {
  for (let i = 0; i < out.length; i++) {
    const v = out[i]!;
    if (v < lower) out[i] = lower;
    else if (v > upper) out[i] = upper;
  }
};

/** Indices by falling magnitude; the first of equals comes first. */
export const byMagnitude = (v: ArrayLike<number>): Uint32Array => {
  const order = Uint32Array.from({ length: v.length }, (_, i) => i);
  return order.sort((i, j) => Math.abs(v[j]!) - Math.abs(v[i]!) || i - j);
};

/** The room that element i has in the direction of g_i before it leaves the box. */
export const room = (x: number, g: number, box: Box): number => (g > 0 ? box.upper - x : g < 0 ? x - box.lower : 0);
