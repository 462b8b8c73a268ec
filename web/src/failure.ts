/** An error as it crosses the thread. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

/** What went wrong, of whatever was thrown, in words of the page. */
export const failureOf = (error: unknown): Failure => {
  const { code, message } = (error ?? {}) as Partial<Failure>;
  return { code: typeof code === "string" ? code : "internal", message: pageWords(message ?? String(error)) };
};

/** Options of the command line, as the page has them. */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [/Use --device cpu, or install what it needs\./g, "Choose WebAssembly under Model."],
  [/Name it with --surrogate\./g, "Choose a second model under The experiment."],
  [/Give one with --surrogate/g, "Choose a second model under The experiment"],
  [/Choose another --surrogate/g, "Choose another second model"],
  [/ with --set\b/g, " under Options"],
  [/ \(--set\)/g, " (under Options)"],
  [/or take --attack ([\w-]+)/g, "or take the attack $1"],
  [/--mean (\S+) --std ([^\s)]+)/g, "mean $1, std $2"],
  [/--mean\b/g, "mean"],
  [/--std\b/g, "std"],
  // Chromium, Firefox, Safari.
  [
    /^(Failed to fetch dynamically imported module|error loading dynamically imported module|Importing a module script failed).*$/,
    "A script of the page cannot be loaded. Reload the page.",
  ],
];

const ELSEWHERE = "The command line has these options, and the page does not.";

/** A message of the library, which the command line has too, for somebody who has only the page. */
export function pageWords(message: string): string {
  const said = WORDS.reduce((text, [words, ours]) => text.replace(words, ours), message);
  return /(^|[\s(])--[a-z]/.test(said) && !said.endsWith(ELSEWHERE) ? `${said} ${ELSEWHERE}` : said;
}
