import { PerturbError } from "../../errors.ts";

/** Options of methods whose ε rises in the training. */
export interface Rise {
  readonly warmup: number;
  readonly ramp: number;
}

export const riseAbout = {
  warmup: "share of the training before ε rises from 0",
  ramp: "share of the training in which it rises",
} as const;

/** From the first step on, ε is whole. */
export const atOnce: Rise = { warmup: 0, ramp: 0 };

/** @throws usage unless each is from 0 to 1 */
export function checkShares(method: string, shares: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(shares))
    if (!(value >= 0 && value <= 1))
      throw new PerturbError("usage", `${method}.${name} is a share from 0 to 1, got ${value}.`);
}

/**
 * The share of ε at a moment: 0 for `warmup` of the training, then along a line to 1 for `ramp` of it. @throws usage unless both are shares, and leave
 * a rest in which ε is whole
 */
export function risen(method: string, progress: number, { warmup, ramp }: Rise): number {
  checkShares(method, { warmup, ramp });
  if (warmup + ramp > 1 || warmup === 1)
    throw new PerturbError(
      "usage",
      `${method}.warmup and ${method}.ramp are ${warmup} and ${ramp} of the training, so that ε would never be whole. Together they are at most 1.`,
    );
  if (progress < warmup) return 0;
  return ramp === 0 ? 1 : Math.min(1, (progress - warmup) / ramp);
}
