import type { AttackInfo, OptionValues } from "../engine.ts";

/** An option that saves time in an experiment, and would hide the later steps on a single sample. */
const STOP = "stopAtSuccess";

/** Whether the attack may stop at its first success. */
export const mayStop = (info: AttackInfo | undefined): boolean =>
  info?.options.some(({ name }) => name === STOP) ?? false;

/**
 * The options that a single sample is attacked with: all steps are made. The verdict stays, because these attacks keep a
 * point that succeeds once they have one.
 */
export const courseOptions = (options: OptionValues, info: AttackInfo | undefined): OptionValues =>
  mayStop(info) ? { ...options, [STOP]: false } : options;
