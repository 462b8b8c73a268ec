import type { Lowering, Lowerings } from "./lowering.ts";

const standard = {} satisfies Lowerings;

const microsoft = {} satisfies Lowerings;

/** Operators that are differentiated by writing them in others, by domain ("" is the standard one) and name. */
export const lowerings: Readonly<Record<string, Lowerings>> = { "": standard, "com.microsoft": microsoft };

export type LoweredOperator = keyof typeof standard;
export type MicrosoftOperator = keyof typeof microsoft;

export const loweringOf = (op: string, domain: string): Lowering | undefined => {
  const inDomain = Object.hasOwn(lowerings, domain) ? lowerings[domain]! : {};
  return Object.hasOwn(inDomain, op) ? inDomain[op] : undefined;
};
