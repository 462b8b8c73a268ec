import { allOptions, type Given, type OptionsDeclared, type OptionValue } from "../../attack-options.ts";
import type { AnyMethod, ConfiguredMethod, Method } from "../../harden.ts";

/** What the check of options wants to know of whoever has them. */
export const declared = ({ name, defaults, about }: AnyMethod): OptionsDeclared => ({
  name,
  aim: "within-epsilon",
  defaults,
  about,
});

/** A method with options over its defaults. @throws usage for an option that it has not, or a value of another kind */
export const withOptions = <O extends object>(method: Method<O>, options: Given<O> | object = {}): ConfiguredMethod =>
  configuredMethod(method as unknown as AnyMethod, options);

/** Any method with options that came as text or as data. @throws usage as above */
export function configuredMethod(method: AnyMethod, options: object = {}): ConfiguredMethod {
  const all: Readonly<Record<string, OptionValue>> = allOptions(declared(method), options);
  return { method, options: all };
}
