import { didYouMean, PerturbError } from "./errors.ts";

/** What the value of an option is, in words, and whether one fits; null where a check of its own says more. */
export type Kind = readonly [is: string, fits: (value: unknown) => boolean] | null;

/** The kind of each option of `O`: a name that is missing here, or too many, does not compile. */
export type Kinds<O> = { readonly [K in keyof Required<O>]: Kind };

export const aFunction: Kind = ["a function", (value) => typeof value === "function"];
export const aBoolean: Kind = ["true or false", (value) => typeof value === "boolean"];
export const aList: Kind = ["a list", Array.isArray];

/** An object with these methods. */
export const having = (is: string, ...methods: readonly string[]): Kind => [
  is,
  (value) =>
    typeof value === "object" &&
    value !== null &&
    methods.every((name) => typeof (value as Readonly<Record<string, unknown>>)[name] === "function"),
];

/**
 * What a compiler says of options, for JavaScript: one that is ignored gives another result. Undefined is as not given.
 * @throws usage for an option that `of` does not have, or a value of another kind
 */
export function checkOptions(of: string, given: unknown, kinds: Readonly<Record<string, Kind>>): void {
  checkKind(`The options of ${of}`, given, ["an object", (value) => isObject(value) && !Array.isArray(value)]);
  const known = Object.keys(kinds);
  for (const [name, value] of Object.entries(given as object)) {
    if (!known.includes(name))
      throw new PerturbError(
        "usage",
        `${of} has no option "${name}". It has ${known.join(", ")}.${didYouMean(name, known)}`,
        { data: { option: name, known } },
      );
    if (value !== undefined) checkKind(`The option ${name} of ${of}`, value, kinds[name]!);
  }
}

/** @throws usage */
export function checkKind(what: string, value: unknown, kind: Kind): void {
  if (!kind || kind[1](value)) return;
  const advice = value instanceof Promise ? " Await it first." : "";
  throw new PerturbError("usage", `${what} must be ${kind[0]}; got ${shown(value)}.${advice}`);
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

function shown(value: unknown): string {
  if (value instanceof Promise) return "a promise";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "function") return "a function";
  return isObject(value) ? "an object" : typeof value === "string" ? JSON.stringify(value) : String(value);
}
