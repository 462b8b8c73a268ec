import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import type { AttackName } from "../../attacks/index.ts";
import { PerturbError } from "../../errors.ts";
import type { Order } from "../../evaluate/opening.ts";
import type { NormName } from "../../norm.ts";
import { configuredAttacks } from "./attack-options.ts";
import { only } from "./group.ts";
import { attackOptions, dataOptions, endpointOptions, graphOptions, pictureOptions, runOptions } from "./groups.ts";
import { parseEpsilons, parseNumber } from "./values.ts";

/** How attacks are made, in commands that attack beside their work. */
const ATTACK = ["attack", "set", "norm", "eot", "levels", "maxQueries"] as const;

/** Model, data and run of a command that fits something to a share of the samples, and measures it on the others. */
export const fittingGroups = (attack: AttackName) =>
  [
    only(
      graphOptions(),
      "arch",
      "inputName",
      "outputName",
      "feed",
      "preprocess",
      "mean",
      "std",
      "scale",
      "channels",
      "bounds",
      "shape",
      "straightThrough",
    ),
    endpointOptions(),
    dataOptions(),
    pictureOptions(),
    only(attackOptions({ attack }), ...ATTACK),
    runOptions(),
  ] as const;

/** The share that is fitted to. */
export const fitOption = () =>
  new Option("--fit <share>", "The share of the samples that is fitted to, drawn by --seed. The others are measured.")
    .argParser(parseNumber)
    .default(0.5);

/** ε without a default: what it is for then does not happen. */
export const budgetOption = (without: string) =>
  new Option("--eps <list|from:to:step>", `The budgets ε, in units of the input. ${without}`).argParser(parseEpsilons);

/** @throws usage for options of attacks where there is none */
export function refuseWithoutBudget(command: CommandUnknownOpts): void {
  const one = ATTACK.find((name) => command.getOptionValueSource(name) === "cli");
  if (one === undefined) return;
  const flag = command.options.find((option) => option.attributeName() === one)!.long;
  throw new PerturbError("usage", `${flag} is for attacks. Add their budgets (--eps 0.1), or leave ${flag} out.`);
}

interface FittingGiven {
  readonly fit: number;
  readonly seed: number;
  readonly offset: number;
  readonly limit?: number | undefined;
  readonly order?: Order | undefined;
  readonly batch?: number | undefined;
}

/** Which samples, as the library wants it. */
export const halvesGiven = ({ fit, seed, offset, limit, order, batch }: FittingGiven) => ({
  fit,
  seed,
  offset,
  limit,
  order,
  batch,
});

interface AttacksGiven {
  readonly attack: readonly AttackName[];
  readonly set: readonly string[];
  readonly norm: NormName;
  readonly eot?: number | undefined;
  readonly levels?: number | undefined;
  readonly maxQueries?: number | undefined;
  readonly memory?: number | undefined;
}

/** Which attacks, as the library wants it. */
export const attacksGiven = ({ attack, set, norm, eot, levels, maxQueries, memory }: AttacksGiven) => ({
  attacks: configuredAttacks(attack, set),
  norm,
  ...(eot !== undefined && { eot }),
  levels: levels ?? null,
  maxQueries: maxQueries ?? null,
  ...(memory !== undefined && { memory }),
});
