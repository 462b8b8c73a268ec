import { didYouMean, PerturbError } from "./errors.ts";
import { isLength, isRelative, lengthIn, type RelativeLength } from "./length.ts";

/** The options whose type is a union of words. */
export type Worded<O> = {
  [K in keyof O]: string extends O[K] ? never : RelativeLength extends O[K] ? never : O[K] extends string ? K : never;
}[keyof O];

/** The values that each option may take whose type is a union of words. */
export type Choices<O> = { readonly [K in Worded<O>]: readonly O[K][] };

/** What the choices of an attack are declared as: not at all where it has none. */
export type ChoicesDeclared<O> = [Worded<O>] extends [never] ? unknown : { readonly choices: Choices<O> };

/** What a length is the length of: "of a step". It may be absolute or relative to ε. */
export interface LengthWords {
  readonly length: string;
}

/** What each option is, in words, with its unit. */
export type About<O> = [keyof O] extends [never]
  ? Readonly<Record<string, never>>
  : { readonly [K in keyof O]: RelativeLength extends O[K] ? LengthWords : string };

/** Options that may be given: any of those of the attack, and none where it has none. */
export type Given<O> = [keyof O] extends [never] ? Readonly<Record<string, never>> : Partial<O>;

/** The options of an attack, as far as they can be known of any attack. */
export interface OptionsDeclared {
  readonly name: string;
  readonly aim: "within-epsilon" | "least-change";
  readonly defaults: object;
  readonly choices?: Readonly<Record<string, readonly string[]>>;
  readonly about: Readonly<Record<string, string | LengthWords>>;
}

export type OptionValue = number | boolean | string;

/** An option of an attack, for who shows it. */
export interface OptionFacts {
  readonly name: string;
  /** Its default. */
  readonly value: OptionValue;
  /** The words that it may be; null for any other kind. */
  readonly choices: readonly string[] | null;
  /** Whether it is a length: a number, or a multiple of ε such as "0.25eps". */
  readonly isLength: boolean;
  /** What it is, with its unit. */
  readonly about: string;
}

/** The options of an attack, described. */
export const optionsOf = ({ defaults, choices, about }: OptionsDeclared): OptionFacts[] =>
  Object.entries<OptionValue>(defaults as Record<string, OptionValue>).map(([name, value]) => {
    const words = about[name]!;
    return {
      name,
      value,
      choices: choices?.[name] ?? null,
      isLength: typeof words === "object",
      about: typeof words === "object" ? `length ${words.length}` : words,
    };
  });

/**
 * All options of an attack: `given` over its defaults. The one check that options pass, wherever they come from.
 * @throws usage for an option that the attack has not, a value of another kind, NaN, or a word that is no choice
 */
export function allOptions(attack: OptionsDeclared, given: unknown = {}): Readonly<Record<string, OptionValue>> {
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw new PerturbError(
      "usage",
      `The options of ${attack.name} are an object, such as { steps: 10 }; got ${shown(given)}.`,
    );
  const known = new Map(optionsOf(attack).map((option) => [option.name, option]));
  for (const [name, value] of Object.entries(given)) {
    const option = known.get(name);
    if (!option) throw unknownOption(attack, name, [...known.keys()]);
    check(attack, option, value);
  }
  // What a member of an ensemble has where nothing is given depends on the norm.
  return "members" in attack ? ({ ...given } as Record<string, OptionValue>) : { ...attack.defaults, ...given };
}

function unknownOption({ name }: OptionsDeclared, option: string, known: readonly string[]): PerturbError {
  const has = known.length === 0 ? "It has no options" : `It has ${known.join(", ")}`;
  return new PerturbError("usage", `${name} has no option "${option}". ${has}.${didYouMean(option, known)}`, {
    data: { attack: name, option, known },
  });
}

function check(attack: OptionsDeclared, { name, value: usual, choices, isLength: long }: OptionFacts, value: unknown) {
  const refuse = (is: string): never => {
    throw new PerturbError("usage", `The option ${attack.name}.${name} is ${is}; got ${shown(value)}.`, {
      data: { attack: attack.name, option: name, value },
    });
  };
  if (long) {
    if (!isLength(value)) refuse(`a length: a number in units of the input, or "0.25eps" for a part of ε`);
  } else if (choices) {
    if (typeof value !== "string" || !choices.includes(value))
      throw new PerturbError(
        "usage",
        `The option ${attack.name}.${name} is one of ${choices.join(", ")}; got ${shown(value)}.${didYouMean(String(value), choices)}`,
        { data: { attack: attack.name, option: name, value, choices } },
      );
  } else if (isRelative(value))
    refuse(
      attack.aim === "least-change"
        ? `no part of ε: ${attack.name} looks for the least change, and has no ε. Give a number`
        : `no length, and cannot be a part of ε. Give a ${typeof usual}`,
    );
  else if (typeof value !== typeof usual || (typeof value === "number" && !Number.isFinite(value)))
    refuse(`a ${typeof usual} (by default ${usual})`);
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "an object";
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

/** The value of an option that a text says: of the kind of its default, or else the text, for `allOptions` to refuse. */
export function optionIn(text: string, { value, isLength: long }: OptionFacts): OptionValue {
  if (typeof value === "boolean") return text === "true" || (text === "false" ? false : text);
  if (typeof value === "string" && !long) return text;
  try {
    return lengthIn(text);
  } catch {
    return text;
  }
}
