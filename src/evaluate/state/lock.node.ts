import { randomUUID } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  unlinkSync,
  utimes,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { PerturbError } from "../../errors.ts";
import { option } from "../../option.ts";
import { type Holder, lives, nameOf, readHolder } from "./holder.node.ts";

/** The folder that says who works beside it: it holds one file, named by its holder. */
export const LOCK = "state.lock";

/** Milliseconds between two signs of life, for those who cannot see our process. */
const BEAT = 2000;
/** How often others may be quicker before the file system is to blame. */
const TRIES = 20;

/** A folder that is this process's own. */
export interface Lock {
  /** @throws usage where another process took it over, since it saw no sign of life of this one */
  check(): void;
  /** Gives the folder back. The end of the process does, too. */
  release(): void;
}

/** Whether a file is the lock of a folder, or one that was being made. */
export const isLock = (name: string): boolean => name === LOCK || name.startsWith(`${LOCK}.`);

/** Removes what a process that was killed left. @throws usage when another one works in the folder */
export async function requireUnlocked(folder: string): Promise<void> {
  const path = join(folder, LOCK);
  for (const holder of holdersIn(path)) {
    const file = join(path, holder.name);
    if (await lives(holder, file))
      throw new PerturbError(
        "usage",
        `${folder} is in use: process ${holder.pid} evaluates there. Wait until it has ended, or give another folder (${option("folder")}). If it is no run of perturb, remove ${path}.`,
        { data: { folder, pid: holder.pid } },
      );
    // No other holder has this name: whoever took the folder since keeps it.
    attempt(unlinkSync, file);
  }
}

/**
 * Takes a folder for this process. What one that was killed left is taken over. @throws usage when another process works there
 */
export async function lock(folder: string): Promise<Lock> {
  const name = nameOf(randomUUID().slice(0, 8));
  for (let tries = 1; ; tries++) {
    await requireUnlocked(folder);
    try {
      take(folder, name);
      return held(folder, name);
    } catch (error) {
      if (tries === TRIES || !isTaken(error)) throw error;
    }
  }
}

function holdersIn(path: string): Holder[] {
  try {
    return readdirSync(path).flatMap((name) => readHolder(name) ?? []);
  } catch {
    return [];
  }
}

/** One renaming, which a single process can do: no folder takes the place of another one that is not empty. */
function take(folder: string, name: string): void {
  const path = join(folder, LOCK);
  const made = `${path}.${name}`;
  try {
    mkdirSync(made);
    writeFileSync(join(made, name), "");
    removeUnheld(path);
    renameSync(made, path);
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

const isTaken = (error: unknown): boolean =>
  error instanceof Error && "code" in error && ["ENOTEMPTY", "EEXIST", "EPERM"].includes(String(error.code));

/** Removes what nobody holds: an empty lock, or a file of that name. */
function removeUnheld(path: string): void {
  attempt(rmdirSync, path);
  attempt(unlinkSync, path);
}

/** What cannot be removed is not there, or shows by what it is in the way of. */
function attempt(remove: typeof unlinkSync, path: string): void {
  try {
    // Not by rmSync, which empties a folder that took the place of a file.
    remove(path);
  } catch {}
}

function held(folder: string, name: string): Lock {
  const path = join(folder, LOCK);
  const file = join(path, name);
  const beat = setInterval(() => {
    const now = new Date();
    // Where it is gone, `check` tells before anything is written.
    utimes(file, now, now, () => undefined);
  }, BEAT);
  // A lock keeps no process alive.
  beat.unref();
  const release = (): void => {
    process.off("exit", release);
    clearInterval(beat);
    attempt(unlinkSync, file);
    removeUnheld(path);
  };
  process.once("exit", release);
  return {
    check() {
      if (existsSync(file)) return;
      throw new PerturbError(
        "usage",
        `${folder} was taken over by another process, or its lock was removed, while this one worked there. Nothing more is written: what is done by now is in its state. Start one process alone there.`,
        { data: { folder } },
      );
    },
    release,
  };
}
