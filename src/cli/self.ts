/** The command line behind the program's name. What headers hold may be secret, and is left out. */
export const ownWords = (): string[] =>
  process.argv
    .slice(2)
    .map((word, i, words) => (words[i - 1] === "--header" || word.startsWith("--header=") ? masked(word) : word));

const masked = (word: string): string => word.replace(/:.*$/s, ": …");
