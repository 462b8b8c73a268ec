import type { AttackInfo, OptionValues } from "../engine.ts";

/** An option that an experiment saves time by, and that would cut the course of a single sample short. */
const STOP = "stopAtSuccess";

/** Whether the attack may stop at its first success. */
export const mayStop = (info: AttackInfo | undefined): boolean =>
  info?.options.some(({ name }) => name === STOP) ?? false;

/**
 * The options that a single sample is attacked with: to the end of the course. The verdict stays, because these attacks keep a
 * point that succeeds once they have one.
 */
export const courseOptions = (options: OptionValues, info: AttackInfo | undefined): OptionValues =>
  mayStop(info) ? { ...options, [STOP]: false } : options;
