import { type Configured, configured } from "../../attack.ts";
import { type OptionFacts, optionIn, optionsOf } from "../../attack-options.ts";
import { type AttackName, attacks } from "../../attacks/index.ts";
import { didYouMean, PerturbError } from "../../errors.ts";
import type { DifferentiableModel } from "../../model.ts";

/** The attacks chosen, with their options from --set NAME=VALUE or ATTACK.NAME=VALUE. @throws usage */
export function configuredAttacks(
  chosen: readonly AttackName[],
  settings: readonly string[],
): Configured<DifferentiableModel>[] {
  const given = chosen.map((name) => ({ attack: attacks[name], options: {} as Record<string, unknown> }));
  for (const setting of settings) {
    const { attack, option, text } = partsOf(setting);
    const taking = given.flatMap(({ attack: own, options }) =>
      optionsOf(own)
        .filter(({ name }) => name === option && (attack ?? own.name) === own.name)
        .map((facts) => ({ facts, options })),
    );
    if (taking.length === 0) throw unknownOption(chosen, attack === undefined ? option : `${attack}.${option}`);
    for (const { facts, options } of taking) options[option] = optionIn(text, facts);
  }
  return given.map(({ attack, options }) => configured<DifferentiableModel>(attack, options));
}

function partsOf(setting: string) {
  const [, attack, option, text] = /^(?:([\w-]+)\.)?((?:[\w-]+\.)?\w+)=(.*)$/.exec(setting) ?? [];
  if (option === undefined || text === undefined)
    throw new PerturbError(
      "usage",
      `--set takes NAME=VALUE or ATTACK.NAME=VALUE, such as pgd.steps=100, or autoattack.square.queries=1000 of a member; got "${setting}".`,
    );
  return { attack, option, text };
}

function unknownOption(chosen: readonly AttackName[], given: string): PerturbError {
  const known = chosen.flatMap((own) => optionsOf(attacks[own]).map(({ name }) => `${own}.${name}`));
  const members = known.filter((name) => name.endsWith(`.${given}`));
  if (members.length > 0)
    return new PerturbError(
      "usage",
      `"${given}" is an option of an ensemble's members. Say of which: ${members.join(", ")}.`,
    );
  return new PerturbError(
    "usage",
    `No attack of --attack has an option "${given}". They have ${known.join(", ") || "none"}.${didYouMean(given, known)}`,
  );
}

/** An option with its default, such as "steps=40", or "loss=margin|dlr" where there is a choice, the default first. */
export const optionText = ({ name, value, choices }: OptionFacts): string =>
  `${name}=${[value, ...(choices ?? []).filter((choice) => choice !== value)].join("|")}`;

/** The attacks of a list with commas. @throws usage for one that is not known */
export function parseAttacks(text: string): AttackName[] {
  return text.split(",").map((name) => {
    if (Object.hasOwn(attacks, name)) return name as AttackName;
    throw new PerturbError(
      "usage",
      `There is no attack named "${name}". Known: ${Object.keys(attacks).join(", ")}.${didYouMean(name, Object.keys(attacks))}`,
    );
  });
}
