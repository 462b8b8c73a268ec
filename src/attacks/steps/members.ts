import { type AnyAttack, type Configured, configured } from "../../attack.ts";
import { leastClassesOf, OTHER_LOSSES, tooFewClasses } from "../../classes.ts";
import type { DifferentiableModel, Model } from "../../model.ts";
import type { NormName } from "../../norm.ts";

type Member = Configured<DifferentiableModel>;
type Sized = Pick<Model, "name" | "classes">;

/** A member of an ensemble that a model has too few classes for. */
export interface LeftOut {
  readonly attack: string;
  /** The ensemble. */
  readonly of: string;
  /** The fewest classes that it works on. */
  readonly least: number;
}

/** The fewest classes that an attack with these options works on. */
const leastFor = ({ attack, options }: Member): number =>
  Math.max(attack.leastClasses ?? 1, leastClassesOf((options as Record<string, unknown>)["loss"]));

/**
 * What runs where this attack was asked for: itself, or those members of an ensemble, with the options given for them, that
 * the model has classes enough for. @throws usage where no attack is left
 */
export function membersOf(choice: Member, norm: NormName, model: Sized): { members: Member[]; leftOut: LeftOut[] } {
  const { attack } = choice;
  const all = attack.members?.(norm).map((member) => withOwn(member, choice.options)) ?? [choice];
  const members = all.filter((member) => leastFor(member) <= model.classes);
  if (members.length === 0) throw refusal(all[0]!, model);
  const leftOut = all
    .filter((member) => !members.includes(member))
    .map((member) => ({ attack: member.attack.name, of: attack.name, least: leastFor(member) }));
  return { members, leftOut };
}

function refusal(member: Member, { name, classes }: Sized) {
  const { attack, options } = member;
  const loss = String((options as Record<string, unknown>)["loss"]);
  return leastClassesOf(loss) > classes
    ? tooFewClasses(`${attack.name} with the loss ${loss}`, leastClassesOf(loss), name, classes, OTHER_LOSSES[loss]!)
    : tooFewClasses(attack.name, leastFor(member), name, classes, "apgd-ce");
}

/** An ensemble's options are those of its members: "square.queries". */
export const memberOption = (member: AnyAttack<DifferentiableModel>, name: string): string => `${member.name}.${name}`;

/** The member with those of the ensemble's options that are its own. */
function withOwn(member: Member, given: object): Member {
  const start = memberOption(member.attack, "");
  const own = Object.entries(given)
    .filter(([name]) => name.startsWith(start))
    .map(([name, value]) => [name.slice(start.length), value] as const);
  return own.length === 0
    ? member
    : { ...member, ...configured(member.attack, { ...member.options, ...Object.fromEntries(own) }) };
}
