import { stderr, stdout } from "node:process";

/** Whether colours may be used on stdout (https://no-color.org). */
export const hasColor = (): boolean =>
  stdout.isTTY === true && !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb";

/** Columns of the terminal, at most 100. */
export const width = (): number => Math.min(stdout.columns || 80, 100);

/** Lines to stdout. */
export const print = (...lines: readonly string[]): void =>
  void stdout.write(lines.map((line) => `${line}\n`).join(""));

/** Text written in lines as paragraphs that whoever prints them may wrap. */
export const prose = (text: string): string => text.replaceAll(/(?<!\n)\n(?!\n)/g, " ");

export const printJson = (value: unknown): void => print(JSON.stringify(value, null, 2));

/** A reader that went away (`| head`) is no failure: the rest of the work and the exit code stay what they are. */
export function toleratePipes(): void {
  for (const stream of [stdout, stderr])
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
    });
}

/** Rows as columns of equal width, two spaces apart, without space at the end. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join("  ")
      .trimEnd(),
  );
}
