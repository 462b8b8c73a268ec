import { stderr, stdout } from "node:process";
import { guarded, harmless, plain } from "../quote.ts";
import { fold, table } from "./layout.ts";

/** Whether colours may be used on stdout (https://no-color.org). */
export const hasColor = (): boolean =>
  stdout.isTTY === true && !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb";

/** Narrower terminals wrap lines themselves. */
const NARROWEST = 40;

/** Characters of a line of the terminal, or those that COLUMNS says where stdout is none; undefined where nothing says so. */
function screen(): number | undefined {
  const told = stdout.isTTY ? stdout.columns : Number(process.env["COLUMNS"]);
  return told && told > 0 ? Math.max(NARROWEST, Math.floor(told)) : undefined;
}

/** Characters that a line may have: to a file or a program, any number. */
export const room = (): number => screen() ?? Number.POSITIVE_INFINITY;

/** Characters of a picture or a paragraph: those of the screen, by default 80, at most 100. */
export const width = (): number => Math.min(screen() ?? 80, 100);

/** Rows, the first of them titles, as columns that fit the screen. */
export const columns = (rows: readonly (readonly string[])[], align?: "left" | "right"): string[] =>
  table(rows, room(), align);

/** Text that fits the screen. */
export const folded = (text: string): string[] => fold(text, room());

/** What picocolors writes for bold and dim. */
const STYLE = new RegExp(String.raw`(${String.fromCharCode(27)}\[(?:1|2|22)m)`);

/** Lines to stdout, for people. Of names that a file chose, nothing reaches the terminal but characters. */
export const print = (...lines: readonly string[]): void => {
  const text = lines.map((line) => `${line}\n`).join("");
  const parts = hasColor() ? text.split(STYLE) : [text];
  stdout.write(parts.map((part, i) => (i % 2 === 1 ? part : guarded(part))).join(""));
};

/** A message to stderr, in which names may stand that a file chose. */
export const complain = (message: string): void => tell(plain(message));

/** Lines of our own to stderr, such as a command with the paths of whoever gave them. */
export const tell = (text: string): void => void stderr.write(`${guarded(text)}\n`);

/** Text to stdout that programs read: nothing of it is cut. */
export const deliver = (text: string): void => void stdout.write(harmless(text));

/** Text written in lines as paragraphs that whoever prints them may wrap. */
export const prose = (text: string): string => text.replaceAll(/(?<!\n)\n(?!\n)/g, " ");

/** What stands below the options in a help: paragraphs that fit the screen; blocks with indented lines stay as they are. */
export const helpText = (text: string): string =>
  `\n${text
    .trim()
    .split("\n\n")
    .map((block) => (/^ /m.test(block) ? block : fold(prose(block), width()).join("\n")))
    .join("\n\n")}`;

export const printJson = (value: unknown): void => deliver(`${JSON.stringify(value, null, 2)}\n`);

/** A reader that went away (`| head`) is no failure: the rest of the work and the exit code stay what they are. */
export function toleratePipes(): void {
  for (const stream of [stdout, stderr])
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
    });
}
