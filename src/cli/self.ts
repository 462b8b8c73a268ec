import { readFileSync } from "node:fs";

/** Version of this package. */
export const VERSION: string = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version;

/** The command line that does the same again: only what was given by hand. */
export function commandLine(name: string, command: { getOptionValueSource(key: string): string | undefined; options: readonly { long?: string | undefined; attributeName(): string }[]; getOptionValue(key: string): unknown }): string {
  const given = command.options.filter((option) => command.getOptionValueSource(option.attributeName()) === "cli");
  const words = given.flatMap((option) => {
    const value = command.getOptionValue(option.attributeName());
    return value === true ? [option.long!] : [option.long!, quote(text(value))];
  });
  return ["perturb", name, ...words].join(" ");
}

const text = (value: unknown): string =>
  Array.isArray(value) ? value.join(",") : typeof value === "object" && value !== null ? Object.values(value).join("@") : String(value);

/** As a POSIX shell wants it. */
const quote = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);
