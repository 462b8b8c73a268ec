import { plain } from "../quote.ts";

/** Spaces between columns. */
const GAP = 2;
/** Columns of words are no narrower than this, or the rows are written below each other. */
const READABLE = 16;

/** Names may come from files: one that breaks a line breaks no layout. */
export const inOneLine = (text: string): string => plain(text).replaceAll("\n", " ");

/** Text in lines of at most `room` characters, broken between words; a word that is longer is cut up. */
export function fold(text: string, room: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of inOneLine(text).split(" ")) {
    let rest = word;
    if (line !== "" && line.length + 1 + rest.length <= room) {
      line += ` ${rest}`;
      continue;
    }
    if (line !== "") lines.push(line);
    for (; rest.length > room; rest = rest.slice(room)) lines.push(rest.slice(0, room));
    line = rest;
  }
  return [...lines, line];
}

/**
 * Rows, the first of them titles, as columns two spaces apart, in lines of at most `room` characters: cells of several words
 * are folded, numbers never; where that does not do, each row is written as lines of "title: cell".
 */
export function table(given: readonly (readonly string[])[], room: number, align: "left" | "right" = "left"): string[] {
  const rows = given.map((row) => row.map(inOneLine));
  const widths = shrunk(rows, room - GAP * (rows[0]!.length - 1));
  if (!widths)
    return rows[0]!.length === 2
      ? facts(
          rows.map(([name, words]) => [name!, words!]),
          room,
        )
      : records(rows, room);
  return rows.flatMap((row) => {
    const cells = row.map((cell, i) => fold(cell, widths[i]!));
    return Array.from({ length: Math.max(...cells.map(({ length }) => length)) }, (_, k) =>
      cells
        .map((lines, i) =>
          align === "left" ? (lines[k] ?? "").padEnd(widths[i]!) : (lines[k] ?? "").padStart(widths[i]!),
        )
        .join(" ".repeat(GAP))
        .trimEnd(),
    );
  });
}

/** The widths of columns that share `room`: the widest gives first. Undefined where words would have to be cut. */
function shrunk(rows: readonly (readonly string[])[], room: number): number[] | undefined {
  const most = (width: (cell: string) => number) =>
    rows[0]!.map((_, i) => Math.max(...rows.map((row) => width(row[i]!))));
  const widths = most((cell) => cell.length);
  const words = most((cell) => Math.max(...cell.split(" ").map(({ length }) => length)));
  const least = words.map((word, i) => Math.max(word, Math.min(widths[i]!, READABLE)));
  for (let left = widths.reduce((sum, width) => sum + width, 0) - room; left > 0; left--) {
    const spare = widths.map((width, i) => (width > least[i]! ? width : 0));
    const widest = spare.indexOf(Math.max(...spare));
    if (spare[widest] === 0) return undefined;
    widths[widest]!--;
  }
  return widths;
}

const records = ([titles, ...rows]: readonly (readonly string[])[], room: number): string[] =>
  rows.flatMap(([first, ...cells]) => [
    ...fold(first!, room),
    ...facts(
      cells.map((cell, i) => [titles![i + 1]!, cell]),
      room,
      GAP,
    ),
  ]);

/** Names, each with its words beside it, folded; below it where the name is longer than half a line. */
export function facts(pairs: readonly (readonly [name: string, words: string])[], room: number, indent = 0): string[] {
  const half = (room - indent) / 2;
  const column = GAP + Math.max(0, ...pairs.map(([name]) => name.length).filter((length) => length <= half));
  const margin = " ".repeat(indent);
  return pairs.flatMap(([name, words]) => {
    const beside = name.length <= half;
    const lines = fold(words, Math.max(1, room - indent - (beside ? column : GAP)));
    const rest = (some: readonly string[], by: number) =>
      some.map((line) => `${margin}${" ".repeat(by)}${line}`.trimEnd());
    return beside
      ? [`${margin}${name.padEnd(column)}${lines[0]}`.trimEnd(), ...rest(lines.slice(1), column)]
      : [...fold(name, room - indent).map((line) => `${margin}${line}`), ...rest(lines, GAP)];
  });
}
