import { numberIn } from "./epsilons.ts";
import { PerturbError } from "./errors.ts";

/** A length as a multiple of ε, such as "0.25eps". */
export type RelativeLength = `${number}eps`;

/**
 * A length, such as that of a step: a number is absolute, in the units of the input (for pixels in [0, 1], 2 / 255 is two
 * levels of 255), and "0.25eps" is relative to ε. It is measured in the norm of ε.
 */
export type Length = number | RelativeLength;

const RELATIVE = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?eps$/i;

export const isRelative = (value: unknown): value is RelativeLength =>
  typeof value === "string" && RELATIVE.test(value);

export const isLength = (value: unknown): value is Length => Number.isFinite(value) || isRelative(value);

/** The length at this ε, in the units of the input. */
export const lengthAt = (length: Length, epsilon: number): number =>
  typeof length === "number" ? length : factorOf(length) * epsilon;

/** How many ε it is at this ε, which is above 0. */
export const inEpsilons = (length: Length, epsilon: number): number =>
  typeof length === "number" ? length / epsilon : factorOf(length);

const factorOf = (length: RelativeLength): number => Number(length.slice(0, -"eps".length));

/** The length of a text such as "0.01", "2/255" or "0.25eps". @throws usage */
export function lengthIn(text: string): Length {
  const relative = /^(.*?)\s*eps$/i.exec(text.trim());
  return relative ? `${numberIn(relative[1]!)}eps` : numberIn(text);
}

/** @throws usage unless the length is above 0 */
export function checkLength(what: string, length: Length): void {
  if (!(inEpsilons(length, 1) > 0)) throw new PerturbError("usage", `${what} must be above 0, got ${length}.`);
}
