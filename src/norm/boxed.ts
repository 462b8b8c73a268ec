import type { Norm } from "./contract.ts";

/** The values that each element may take. */
interface ElementBox {
  readonly lower: Float32Array;
  readonly upper: Float32Array;
}

/** A norm inside a box with an interval of its own for each element; the box that its functions are given is not looked at. */
export function boxed(norm: Norm, { lower, upper }: ElementBox): Norm {
  const size = lower.length;
  const rooms = new Float32Array(size);
  const [from, to] = [new Float32Array(size), new Float32Array(size)];
  const clip = (out: Float32Array): void => {
    for (let i = 0; i < out.length; i++) out[i] = Math.min(upper[i]!, Math.max(lower[i]!, out[i]!));
  };
  return {
    ...norm,
    /** Into the box, which costs nothing of ε, then into the ball, which leads nowhere out of the box but by rounding. */
    project(out, x, epsilon) {
      clip(out);
      norm.project(out, x, epsilon, EVERYWHERE);
      clip(out);
    },
    /** Only what each element may move along its slope counts: in a box of one width, it stands so far from the edge ahead. */
    ascend(out, x, g, epsilon) {
      let width = 0;
      for (let i = 0; i < size; i++) {
        rooms[i] = g[i]! > 0 ? upper[i]! - x[i]! : x[i]! - lower[i]!;
        width = Math.max(width, rooms[i]!);
      }
      for (let i = 0; i < size; i++) from[i] = g[i]! > 0 ? width - rooms[i]! : rooms[i]!;
      norm.ascend(to, from, g, epsilon, { lower: 0, upper: width });
      for (let i = 0; i < size; i++) {
        const isAtEdge = to[i] === (g[i]! > 0 ? width : 0) && to[i] !== from[i];
        out[i] = isAtEdge ? (g[i]! > 0 ? upper[i]! : lower[i]!) : x[i]! + (to[i]! - from[i]!);
      }
      clip(out);
    },
  };
}

const EVERYWHERE = { lower: Number.NEGATIVE_INFINITY, upper: Number.POSITIVE_INFINITY };
