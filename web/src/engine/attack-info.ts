import { type AnyAttack, type Configured, configured } from "../../../src/attack.ts";
import { optionsOf } from "../../../src/attack-options.ts";
import { type AttackFamily, attacks, families } from "../../../src/attacks/index.ts";
import { didYouMean, PerturbError } from "../../../src/errors.ts";
import type { DifferentiableModel } from "../../../src/model.ts";
import type { AttackInfo, OptionValues } from "../engine.ts";

type Known = AnyAttack<DifferentiableModel>;

/** Every attack, described, family by family. */
export const attackInfos = (): AttackInfo[] =>
  Object.entries(families).flatMap(([family, members]) =>
    Object.values<Known>(members).map((attack) => describe(attack, family as AttackFamily)),
  );

function describe(attack: Known, family: AttackFamily): AttackInfo {
  const { name, title, paper, norms, aim, needs, also = null, members } = attack;
  // The fields of five attacks at once would be no help: who wants them names the members themselves.
  const options = members ? [] : optionsOf(attack);
  return { name, title, paper, family, norms, aim, needs, also, options, members: members !== undefined };
}

/** The attack of this name, with these options over its defaults. @throws usage for names and values that it does not have */
export function attackNamed(name: string, options: OptionValues): Configured<DifferentiableModel> {
  const all: Readonly<Record<string, Known>> = attacks;
  const attack = Object.hasOwn(all, name) ? all[name] : undefined;
  if (!attack)
    throw new PerturbError("usage", `There is no attack named "${name}".${didYouMean(name, Object.keys(all))}`);
  return configured(attack, options);
}
