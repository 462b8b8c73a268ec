import type { AnyAttack } from "../../../src/attack.ts";
import { attacks } from "../../../src/attacks/index.ts";
import { didYouMean, PerturbError } from "../../../src/errors.ts";
import type { DifferentiableModel } from "../../../src/model.ts";
import type { AttackGroup, AttackInfo, OptionValues } from "../engine.ts";

type Known = AnyAttack<DifferentiableModel>;

/** Every attack, described. */
export const attackInfos = (): AttackInfo[] => Object.values<Known>(attacks).map(describe);

function describe(attack: Known): AttackInfo {
  const { name, title, paper, norms, aim, needs, also = null, members, defaults } = attack;
  const choices: Readonly<Record<string, readonly string[]>> = attack.choices ?? {};
  return {
    name,
    title,
    paper,
    group: groupOf(attack),
    norms,
    aim,
    needs,
    also,
    options: Object.entries(defaults as OptionValues).map(([option, value]) => ({
      name: option,
      value,
      choices: choices[option] ?? null,
    })),
    members: members !== undefined,
  };
}

function groupOf({ baseline, members, needs, aim }: Known): AttackGroup {
  if (baseline) return "noise";
  if (members) return "ensembles";
  if (needs === "logits") return "without gradients";
  return aim === "least-change" ? "least change" : "inside ε";
}

/** The attack of this name, with these options over its defaults. @throws usage for names and values that it does not have */
export function attackNamed(name: string, options: OptionValues): { attack: Known; options: object } {
  const all: Readonly<Record<string, Known>> = attacks;
  const attack = Object.hasOwn(all, name) ? all[name] : undefined;
  if (!attack)
    throw new PerturbError("usage", `There is no attack named "${name}".${didYouMean(name, Object.keys(all))}`);
  const defaults = attack.defaults as OptionValues;
  for (const [option, value] of Object.entries(options))
    if (typeof value !== typeof defaults[option] || !(attack.choices?.[option]?.includes(String(value)) ?? true))
      throw new PerturbError("usage", `${name} has no option "${option}" that takes ${JSON.stringify(value)}.`);
  return { attack, options: { ...defaults, ...options } };
}
