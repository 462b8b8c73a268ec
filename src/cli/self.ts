/**
 * The command line behind the program's name. What headers hold may be secret, and is left out; so is the queue, whose address may hold a
 * password, and which changes no result.
 */
export const ownWords = (): string[] =>
  process.argv
    .slice(2)
    .filter((word, i, words) => word !== "--queue" && words[i - 1] !== "--queue" && !word.startsWith("--queue="))
    .map((word, i, words) => (words[i - 1] === "--header" || word.startsWith("--header=") ? masked(word) : word));

const masked = (word: string): string => word.replace(/:.*$/s, ": …");
