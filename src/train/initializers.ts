import type { Initializer } from "../train.ts";

/**
 * First weights by name.
 * - `torch`: weights and biases uniform in ±1/√fan_in, as torch draws them (He et al. 2015, https://arxiv.org/abs/1502.01852, with torch's a = √5).
 * - `intervals`: weights normal with deviation √(2π)/fan_in, by which the widths of intervals neither grow nor shrink from layer to layer, and biases
 *   of 0 (Shi et al. 2021, https://arxiv.org/abs/2103.17268, §3.2). For training by methods for proofs.
 */
export const initializers = {
  torch: (random, fanIn) => (1 / Math.sqrt(fanIn)) * (2 * random.uniform() - 1),
  intervals: (random, fanIn, kind) => (kind === "bias" ? 0 : (random.normal() * Math.sqrt(2 * Math.PI)) / fanIn),
} as const satisfies Record<string, Initializer>;
export type InitializerName = keyof typeof initializers;
