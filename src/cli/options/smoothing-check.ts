import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { PerturbError } from "../../errors.ts";

/** Options of certify that say nothing of a smoothed classifier. */
const OTHERS = [
  "attack",
  "set",
  "epsUnit",
  "maxQueries",
  "largest",
  "splits",
  "certificates",
  "check",
  "junit",
  "until",
  "shard",
  "queue",
];
const OWN = ["n0", "n", "alpha", "header", "timeout", "retries"];

export const isGiven = (command: CommandUnknownOpts, name: string): boolean =>
  command.getOptionValueSource(name) === "cli";
const longOf = (command: CommandUnknownOpts, name: string): string =>
  command.options.find((option) => option.attributeName() === name)?.long ?? name;

/** @throws usage for options that only smoothing has */
export function refuseWithoutSmoothing(command: CommandUnknownOpts): void {
  const one = OWN.find((name) => isGiven(command, name));
  if (one === undefined) return;
  throw new PerturbError(
    "usage",
    `${longOf(command, one)} is for --smoothing SIGMA, which certifies a smoothed classifier. Add it, or leave ${longOf(command, one)} out.`,
  );
}

/** @throws usage for options that mean nothing with smoothing, and for another norm than L2 */
export function checkSmoothingGiven(given: { readonly norm: string }, command: CommandUnknownOpts): void {
  if (isGiven(command, "norm") && given.norm !== "l2")
    throw new PerturbError(
      "usage",
      `Normal noise certifies radii in L2, and --norm ${given.norm} was given. Leave --norm out. For --norm linf without noise, leave --smoothing out; or divide a radius by the square root of the number of inputs, which is a (smaller) one in L∞.`,
    );
  const one = OTHERS.find((name) => isGiven(command, name));
  if (one !== undefined)
    throw new PerturbError(
      "usage",
      `${longOf(command, one)} has no meaning with --smoothing: that certifies by drawing noise, without attacks and bounds. Leave it out.`,
    );
}
