import { Command, type CommandUnknownOpts, type Option, type OptionValues } from "@commander-js/extra-typings";

/** Options that belong together: commands take them all, or some, and their help shows them under one title. */
export type OptionGroup<O extends OptionValues> = Command<[], O>;

/** A group without options yet. */
export const group = (title: string): Command => new Command(title);

/** Some options of a group, by the names of their values. */
export const only = <O extends OptionValues, N extends keyof O & string>(
  of: OptionGroup<O>,
  ...names: readonly N[]
): OptionGroup<Pick<O, N>> => {
  const some = group(of.name());
  for (const option of of.options) if (names.some((name) => name === option.attributeName())) some.addOption(option);
  // The same options, by the same names.
  return some as unknown as OptionGroup<Pick<O, N>>;
};

type Values<G> = G extends OptionGroup<infer O> ? O : never;
type All<Gs extends readonly unknown[]> = Gs extends readonly [infer First, ...infer Rest]
  ? Values<First> & All<Rest>
  : unknown;

/** Adds groups of options to a command, in this order. */
export const withGroups = <A extends unknown[], O extends OptionValues, const Gs extends readonly CommandUnknownOpts[]>(
  command: Command<A, O>,
  ...groups: Gs
): Command<A, O & All<Gs>> => {
  for (const { options, name } of groups.map((of) => ({ options: of.options as readonly Option[], name: of.name() })))
    for (const option of options) command.addOption(option.helpGroup(`${name}:`));
  return command as unknown as Command<A, O & All<Gs>>;
};
