/** Characters that move a terminal's cursor, end a line, or change the direction of writing. */
const CONTROL = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/** A word, or what stands between quotation marks, may be so long; a text of them so long in all. */
const WORD = 200;
const TEXT = 8000;

const hex = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
/** Text from a file, cut and escaped so that it cannot play tricks on a terminal. */
export function quote(text: string): string {
  const shown = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  return JSON.stringify(shown).replace(/[^\x20-\x7e…]/g, hex);
}

/** Text whose lines and tabs stay, and whose other control characters are written out: what a program may read as it is. */
export const harmless = (text: string): string => text.replace(CONTROL, (c) => (c === "\n" || c === "\t" ? c : hex(c)));

/**
 * A message in which names may stand that a file chose: control characters are written out, and the middle of what is endless
 * left out. Of its lines only those stay that are indented, as lists are: a name cannot begin one of its own.
 */
export function plain(text: string): string {
  const words = text.replace(/"[^"]*"|[^\s"]+/g, (part) => shortened(part, WORD));
  return shortened(words, TEXT)
    .replace(/\r?\n(?! {2}\S)\s*/g, " ")
    .replace(CONTROL, (c) => (c === "\n" ? c : hex(c)));
}

/** Lines of our own, in which the names that a file chose are cut and escaped already: a last guard before the terminal. */
export const guarded = (text: string): string =>
  harmless(
    text
      .split("\n")
      .map((line) => shortened(line, TEXT))
      .join("\n"),
  );

/** The beginning and the end of a text of more than `most` characters. */
const shortened = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, most - most / 4 - 1)}…${text.slice(-most / 4)}`;
