import { closeSync, mkdirSync, openSync } from "node:fs";
import { type FileHandle, open, readdir, realpath, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { messageOf, PerturbError } from "../errors.ts";
import { staged } from "../staging.node.ts";

/**
 * Writes a file through `write`: all of it, or nothing. What is no regular file (a device, a pipe) is written as it is.
 * @throws usage where the file cannot be written
 */
export async function writeAtomically(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const target = await realpath(path).catch(() => resolve(path));
  const kind = await stat(target).catch(() => null);
  if (kind?.isDirectory()) throw cannotWrite(path, "it is a folder");
  const fill = async (place: string, flags: string): Promise<void> => {
    const file = await open(place, flags);
    try {
      await write(file);
    } finally {
      await file.close();
    }
  };
  await orUsage(path, () => {
    if (kind && !kind.isFile()) return fill(target, "w");
    return staged(target, (staging) => {
      // Made here and now, so that an exit finds it or prevents it.
      closeSync(openSync(staging, "wx"));
      return fill(staging, "r+");
    });
  });
}

/** Fills a new folder through `fill`: all of it, or nothing. @throws usage when the folder holds something already */
export async function fillAtomically(folder: string, fill: (staging: string) => Promise<void>): Promise<void> {
  await requireFree(folder);
  await orUsage(folder, () =>
    staged(resolve(folder), async (staging) => {
      mkdirSync(staging);
      await fill(staging);
      // Things may have come into the folder meanwhile.
      await requireFree(folder);
    }),
  );
}

/** @throws usage when a folder cannot be made at this path, or would take the place of what is there */
export async function requireFree(folder: string): Promise<void> {
  const names = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return [];
    throw cannotWrite(folder, messageOf(cause), cause);
  });
  if (names.length > 0)
    throw new PerturbError("usage", `${folder} is not empty: nothing was written. Give a new or empty folder.`, {
      data: { folder },
    });
}

/** @throws usage when a file cannot be made at this path: found out before long work, not after it */
export async function requireWritable(path: string): Promise<void> {
  const folder = dirname(resolve(path));
  const kind = await stat(folder).catch((cause: unknown) => {
    throw cannotWrite(path, `there is no folder ${folder}`, cause);
  });
  if (!kind.isDirectory()) throw cannotWrite(path, `${folder} is no folder`);
  if ((await stat(path).catch(() => null))?.isDirectory()) throw cannotWrite(path, "it is a folder");
}

/** @throws usage when a file cannot be made at one of these paths, or two of them are the same; - is stdout, and undefined none */
export async function requireOutputs(...paths: readonly (string | undefined)[]): Promise<void> {
  const files = paths.filter((path) => path !== undefined && path !== "-");
  for (const [i, path] of files.entries()) {
    await requireWritable(path!);
    if (files.slice(0, i).some((other) => resolve(other!) === resolve(path!)))
      throw new PerturbError("usage", `Two results would be written to ${path}. Give each a file of its own.`);
  }
}

/** What the system refuses is a place that was chosen badly. */
async function orUsage(path: string, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (cause) {
    throw cause instanceof Error && "syscall" in cause ? cannotWrite(path, messageOf(cause), cause) : cause;
  }
}

const cannotWrite = (path: string, why: string, cause?: unknown): PerturbError =>
  new PerturbError("usage", `Cannot write ${path}: ${why}. Give another place.`, { data: { path }, cause });
