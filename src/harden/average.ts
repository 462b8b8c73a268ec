import { PerturbError } from "../errors.ts";
import type { HardenState } from "../harden.ts";
import { option } from "../option.ts";

type Vectors = HardenState["vectors"];

/** Where a training keeps the average of its weights. */
const AVERAGE = "average";

/** @throws usage unless the share that stays is from 0 up to, not including, 1 */
export function checkAveraging(ema: number): void {
  if (ema >= 0 && ema < 1) return;
  throw new PerturbError(
    "usage",
    `The weights' average keeps a share from 0 up to, not including, 1 of itself at each step, got ${ema}. Give ${option("ema", 0.999)}, or 0 for none.`,
  );
}

/** The vectors of a training that averages its weights, from the first ones on. */
export const withAverage = (vectors: Vectors, ema: number): Vectors =>
  ema > 0 ? { ...vectors, [AVERAGE]: vectors["parameters"]! } : vectors;

/** The weights that are measured and written: their average, where there is one. */
export const weightsOf = (vectors: Vectors): Float32Array => vectors[AVERAGE] ?? vectors["parameters"]!;

/**
 * The average after a step: a ← d·a + (1 - d)·w (Polyak and Juditsky 1992, exponentially weighted), where d is the share that stays, and no more than
 * (1 + t)/(10 + t) after t steps, so that the first weights are soon forgotten.
 */
export function averaged(before: Vectors, next: Vectors, ema: number, step: number): Vectors {
  const average = before[AVERAGE];
  if (!average) return { ...before, ...next };
  const stays = Math.min(ema, (1 + step) / (10 + step));
  const weights = next["parameters"]!;
  return { ...before, ...next, [AVERAGE]: average.map((v, i) => stays * v + (1 - stays) * weights[i]!) };
}
