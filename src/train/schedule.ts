import type { Schedule } from "../train.ts";

/** From 1 to 0 along half a cosine. */
const fall = (progress: number): number => (1 + Math.cos(Math.PI * progress)) / 2;

/** Share of the training in which one cycle rises, and the shares of the rate where it starts and ends. */
const RISE = 0.3;
const START = 1 / 25;
const END = START / 1e4;

/**
 * Learning-rate schedules by name.
 * - `constant`: the rate, all the time.
 * - `cosine`: from the rate down to 0 (Loshchilov and Hutter 2017, https://arxiv.org/abs/1608.03983, without restarts).
 * - `one-cycle`: up from 1/25 of the rate in the first 30 %, then down to nothing (Smith and Topin 2018,
 *   https://arxiv.org/abs/1708.07120; numbers of torch's OneCycleLR; momentum stays as it is).
 */
export const schedules = {
  constant: () => 1,
  cosine: fall,
  "one-cycle": (progress) =>
    progress < RISE ? 1 - (1 - START) * fall(progress / RISE) : END + (1 - END) * fall((progress - RISE) / (1 - RISE)),
} as const satisfies Record<string, Schedule>;
export type ScheduleName = keyof typeof schedules;
