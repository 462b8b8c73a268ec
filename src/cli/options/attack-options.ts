import type { AnyAttack } from "../../attack.ts";
import { type AttackName, attacks } from "../../attacks/index.ts";
import { didYouMean, PerturbError } from "../../errors.ts";
import type { DifferentiableModel } from "../../model.ts";

/** Options of the attacks chosen, from --set NAME=VALUE or ATTACK.NAME=VALUE, over their defaults. @throws usage */
export function attackOptions(chosen: readonly AttackName[], settings: readonly string[]): Map<AttackName, object> {
  const all = new Map(
    chosen.map((name): [AttackName, Record<string, unknown>] => [name, { ...attacks[name].defaults }]),
  );
  for (const setting of settings) apply(all, setting);
  return all;
}

/** The options of an attack with their defaults, such as "steps=40", or "loss=margin|dlr" where there is a choice, the default first. */
export const optionTexts = ({ defaults, choices }: AnyAttack<DifferentiableModel>): string[] =>
  Object.entries(defaults).map(([option, value]) => {
    const others = choices?.[option]?.filter((choice) => choice !== value) ?? [];
    return `${option}=${[value, ...others].join("|")}`;
  });

function apply(all: ReadonlyMap<AttackName, Record<string, unknown>>, setting: string): void {
  const [, attack, name, text] = /^(?:([\w-]+)\.)?(\w+)=(.*)$/.exec(setting) ?? [];
  if (name === undefined || text === undefined)
    throw new PerturbError(
      "usage",
      `--set takes NAME=VALUE or ATTACK.NAME=VALUE, such as pgd.steps=100; got "${setting}".`,
    );
  const taking = [...all].filter(([own, options]) => (attack ?? own) === own && Object.hasOwn(options, name));
  if (taking.length === 0) {
    const known = [...all].flatMap(([own, options]) => Object.keys(options).map((option) => `${own}.${option}`));
    const given = attack === undefined ? name : `${attack}.${name}`;
    throw new PerturbError(
      "usage",
      `No attack of --attack has an option "${given}". They have ${known.join(", ") || "none"}.${didYouMean(given, known)}`,
    );
  }
  for (const [own, options] of taking) {
    const { choices }: AnyAttack<DifferentiableModel> = attacks[own];
    options[name] = parse(text, options[name], choices?.[name], `${own}.${name}`);
  }
}

/** The value of an option, of the same kind as its default, and one of the choices where there are some. */
function parse(text: string, example: unknown, choices: readonly string[] | undefined, name: string): unknown {
  if (choices && !choices.includes(text))
    throw new PerturbError(
      "usage",
      `The option ${name} is one of ${choices.join(", ")}; got "${text}".${didYouMean(text, choices)}`,
    );
  if (typeof example === "number" && text.trim() !== "" && Number.isFinite(Number(text))) return Number(text);
  if (typeof example === "boolean" && (text === "true" || text === "false")) return text === "true";
  if (typeof example === "string") return text;
  throw new PerturbError(
    "usage",
    `The option ${name} is a ${typeof example} (by default ${String(example)}); got "${text}".`,
  );
}
