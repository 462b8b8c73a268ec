import { didYouMean, PerturbError } from "../../errors.ts";
import { option } from "../../option.ts";
import type { Parameter } from "./find.ts";

/** Which parameters are learned, by patterns of names: `*` stands for any characters, `?` for one. */
export interface Chosen {
  /** Those that stay as they are. */
  readonly freeze?: readonly string[] | undefined;
  /** Those alone that are learned; by default all. */
  readonly only?: readonly string[] | undefined;
}

/** The parameters that patterns leave to be learned. @throws usage where a pattern matches none, or nothing is left */
export function chosenParameters(
  parameters: readonly Parameter[],
  { freeze = [], only = [] }: Chosen,
  model: string,
): Parameter[] {
  const names = parameters.map(({ name }) => name);
  for (const [which, patterns] of [["freeze", freeze] as const, ["only", only] as const])
    for (const pattern of patterns)
      if (!names.some(matcher(pattern)))
        throw new PerturbError(
          "usage",
          `${option(which, pattern)} matches none of the ${names.length} parameters of ${model}, such as ${names.slice(0, 3).join(", ")}. \`perturb inspect\` lists them.${didYouMean(pattern, names)}`,
          { data: { pattern } },
        );
  const isOnly = (name: string) => only.length === 0 || only.some((pattern) => matcher(pattern)(name));
  const isFrozen = (name: string) => freeze.some((pattern) => matcher(pattern)(name));
  const left = parameters.filter(({ name }) => isOnly(name) && !isFrozen(name));
  if (left.length > 0) return left;
  throw new PerturbError(
    "usage",
    names.length === 0
      ? `${model} has no parameters that can be learned: no float weight stands between its input and its scores.`
      : `${option("freeze")} and ${option("only")} leave nothing of ${model} to be learned. Freeze less.`,
    { data: { parameters: names.length } },
  );
}

/** Whether a name matches a pattern, from its first to its last character. */
export function matcher(pattern: string): (name: string) => boolean {
  const escaped = pattern.replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`);
  const expression = new RegExp(`^${escaped.replaceAll("*", ".*").replaceAll("?", ".")}$`, "s");
  return (name) => expression.test(name);
}
