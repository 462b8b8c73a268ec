/** The command line behind the program's name. */
export const ownWords = (): string[] => process.argv.slice(2);

/** The command line that does the same again, as a POSIX shell wants it. */
export const commandLine = (words: readonly string[]): string => ["perturb", ...words].map(quote).join(" ");

/** A word as a POSIX shell wants it. */
export const quote = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
