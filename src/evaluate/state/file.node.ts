import { mkdirSync, rmSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join, resolve } from "node:path";
import { messageOf, PerturbError } from "../../errors.ts";
import { option } from "../../option.ts";
import { removeEmpty } from "../../staging.node.ts";
import { STATE } from "./heading.node.ts";
import { type Line, lineOf } from "./lines.node.ts";
import { type Lock, lock } from "./lock.node.ts";

type End = Pick<Line, "crc" | "end">;

/** The file of a state, in a folder that is this process's own. */
export interface StateFile {
  readonly file: FileHandle;
  readonly end: End;
  /** Writes lines behind the end: all of them, or none. */
  append(lines: readonly string[]): Promise<void>;
  /** Drops what lies behind. Gives the bytes dropped. */
  cut(end: End): Promise<number>;
  /** Waits until all is on the disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
  /** Gives the folder back; `discard` removes the file, and the folders that were made for it. */
  release(discard: boolean): void;
}

/** Makes an empty state, and its folder. @throws usage */
export const makeState = (folder: string): Promise<StateFile> => openState(folder, "w", { crc: 0, end: 0 });

/** Opens the state that is there, whose heading ends at `end`. @throws usage */
export const takeState = (folder: string, end: End): Promise<StateFile> => openState(folder, "r+", end);

async function openState(given: string, flags: "w" | "r+", from: End): Promise<StateFile> {
  const folder = resolve(given);
  const path = join(folder, STATE);
  let made: string | undefined;
  let own: Lock | undefined;
  let file: FileHandle;
  try {
    made = mkdirSync(folder, { recursive: true });
    own = await lock(folder);
    file = await open(path, flags);
  } catch (cause) {
    own?.release();
    if (made !== undefined) removeEmpty(folder, made);
    if (cause instanceof PerturbError) throw cause;
    throw new PerturbError(
      "usage",
      `Cannot write ${join(given, STATE)}: ${messageOf(cause)}. Give another folder (${option("folder")}).`,
      {
        data: { folder },
        cause,
      },
    );
  }
  const held = own;
  let end = from;
  let fresh = flags === "w";
  return {
    file,
    get end() {
      return end;
    },
    async append(lines) {
      held.check();
      let { crc, end: position } = end;
      try {
        for (const text of lines) {
          const line = lineOf(text, crc);
          await writeAll(file, line.bytes, position);
          crc = line.crc;
          position += line.bytes.length;
        }
      } catch (error) {
        // On a full disk this gives space back; where it fails, the torn line is dropped on resuming.
        await file.truncate(end.end).catch(() => undefined);
        throw error;
      }
      end = { crc, end: position };
    },
    async cut(at) {
      const { size } = await file.stat();
      end = at;
      if (size > at.end) await file.truncate(at.end);
      return size - at.end;
    },
    async sync() {
      await file.datasync();
      if (fresh) await syncFolder(folder);
      fresh = false;
    },
    close: () => file.close(),
    release(discard) {
      if (discard) rmSync(path, { force: true });
      held.release();
      if (discard && made !== undefined) removeEmpty(folder, made);
    },
  };
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, position + at);
    at += bytesWritten;
  }
}

/** Without it, a power cut may lose the name of a new file. Not every system lets a folder be opened. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder).catch(() => null);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}
