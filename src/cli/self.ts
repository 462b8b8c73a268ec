/** The command line that does the same again, as a POSIX shell wants it. */
export const commandLine = (argv: readonly string[]): string => ["perturb", ...argv.slice(2)].map(quote).join(" ");

const quote = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);
