import type { FileHandle } from "node:fs/promises";
import { crc32 } from "../../crc32.ts";

/** A line that is whole: what it holds, the check sum up to it, and where it ends. */
export interface Line {
  readonly text: string;
  readonly crc: number;
  /** Position in the file behind its newline. */
  readonly end: number;
}

const CHUNK = 2 ** 18;
const NEWLINE = 10;
/** A tab, and eight hex digits. */
const SUM_LENGTH = 9;

/**
 * JSON, a tab, the CRC-32 (hex) of the JSON of all lines up to this one, a newline. As the check goes on from line to line,
 * none can be lost, moved or changed unseen.
 */
export function lineOf(json: string, previous: number): { readonly bytes: Uint8Array; readonly crc: number } {
  const text = Buffer.from(json);
  const crc = crc32(text, previous);
  return { bytes: Buffer.concat([text, Buffer.from(`\t${hex(crc)}\n`)]), crc };
}

/** The text of a line, given without its newline, and the check sum up to it; null where it does not fit. */
export function checkLine(bytes: Uint8Array, previous: number): Pick<Line, "text" | "crc"> | null {
  const length = bytes.length - SUM_LENGTH;
  if (length < 0) return null;
  const decoder = new TextDecoder();
  const crc = crc32(bytes.subarray(0, length), previous);
  if (decoder.decode(bytes.subarray(length)) !== `\t${hex(crc)}`) return null;
  return { text: decoder.decode(bytes.subarray(0, length)), crc };
}

/** The lines behind `from`, up to the first that is torn, changed, or longer than `longest` bytes. */
export async function* readLines(
  file: FileHandle,
  from: Pick<Line, "crc" | "end">,
  longest: number,
): AsyncGenerator<Line> {
  let { crc, end } = from;
  let position = end;
  let parts: Uint8Array[] = [];
  let held = 0;
  for (;;) {
    const { buffer, bytesRead } = await file.read(new Uint8Array(CHUNK), 0, CHUNK, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    let rest = buffer.subarray(0, bytesRead);
    for (let at = rest.indexOf(NEWLINE); at >= 0; at = rest.indexOf(NEWLINE)) {
      const line = checkLine(Buffer.concat([...parts, rest.subarray(0, at)]), crc);
      if (!line) return;
      crc = line.crc;
      end += held + at + 1;
      yield { ...line, end };
      parts = [];
      held = 0;
      rest = rest.subarray(at + 1);
    }
    parts.push(rest);
    held += rest.length;
    if (held > longest) return;
  }
}

const hex = (crc: number): string => crc.toString(16).padStart(8, "0");
