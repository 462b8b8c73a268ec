import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { PerturbError } from "../../errors.ts";
import { graphOptions, modelOptions } from "./groups.ts";

/** What says which classifier certificates are about, beside the options of a graph. */
const OWN: readonly string[] = ["check", "quiet", "device", "epsUnit"];

/** @throws usage for options that mean nothing where certificates are checked */
export function refuseBesideCheck(command: CommandUnknownOpts): void {
  const known = new Set(
    [...modelOptions().options, ...graphOptions().options].map((option) => option.attributeName()).concat(OWN),
  );
  const other = command.options.find(
    (option) => command.getOptionValueSource(option.attributeName()) === "cli" && !known.has(option.attributeName()),
  );
  if (!other) return;
  throw new PerturbError(
    "usage",
    `${other.long} has no meaning with --check, which checks all certificates of a file and measures nothing. Leave it out. Options of the model, such as --mean, are those that the certificates were written with.`,
  );
}
