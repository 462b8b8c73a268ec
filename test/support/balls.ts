import type { Box, NormName } from "../../src/norm.ts";

/** The largest ⟨g, d⟩ with ‖d‖ ≤ ε and x + d in the box: found from the dual problem, not by making d. */
export function bestRise(
  norm: NormName,
  x: ArrayLike<number>,
  g: ArrayLike<number>,
  epsilon: number,
  { lower, upper }: Box,
): number {
  const slopes = Array.from(g, Math.abs);
  const rooms = Array.from(g, (v, i) => (v > 0 ? upper - x[i]! : x[i]! - lower));
  const sum = (f: (slope: number, room: number) => number) =>
    slopes.reduce((total, slope, i) => total + f(slope, rooms[i]!), 0);
  switch (norm) {
    case "linf":
      return sum((slope, room) => slope * Math.min(epsilon, room));
    case "l1": {
      // Lagrange: min over τ ≥ 0 of τε + Σ room·max(0, slope - τ); convex with its kinks at the slopes.
      const dual = (tau: number) => tau * epsilon + sum((slope, room) => room * Math.max(0, slope - tau));
      return Math.min(...[0, ...slopes].map(dual));
    }
    case "l2": {
      const steps = bestStep(x, g, epsilon, { lower, upper });
      return slopes.reduce((total, slope, i) => total + slope * steps[i]!, 0);
    }
    case "l0": {
      const gains = slopes.map((slope, i) => slope * rooms[i]!).sort((a, b) => b - a);
      return gains.slice(0, Math.floor(epsilon)).reduce((a, b) => a + b, 0);
    }
    case "spatial":
      throw new Error("Rotations have no closed form.");
  }
}

/** |d| of the L2 maximiser, min(room, |g| / μ), by bisection for the multiplier μ that spends ε. */
export function bestStep(x: ArrayLike<number>, g: ArrayLike<number>, epsilon: number, { lower, upper }: Box): number[] {
  const at = (logMu: number) =>
    Array.from(g, (v, i) =>
      Math.min(v === 0 ? 0 : v > 0 ? upper - x[i]! : x[i]! - lower, Math.abs(v) / Math.exp(logMu)),
    );
  let [low, high] = [-600, 600];
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (Math.hypot(...at(middle)) > epsilon) low = middle;
    else high = middle;
  }
  return at(high);
}
