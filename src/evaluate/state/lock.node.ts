import { readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { PerturbError } from "../../errors.ts";
import { option } from "../../option.ts";

export const LOCK = "state.lock";

/** Who works in a folder. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When the process started, where the system tells: numbers of processes come again. */
  readonly started: string | null;
}

/** Folders that evaluations of this process work in. */
const own = new Set<string>();

/** @throws usage when another evaluation works in the folder */
export function requireUnlocked(folder: string): void {
  const holder = read(join(folder, LOCK));
  if (holder && (isAlive(holder) || own.has(placeOf(folder))))
    throw new PerturbError(
      "usage",
      `${folder} is in use: process ${holder.pid} evaluates there. Wait until it has ended, or give another folder (${option("folder")}). If it is no run of perturb, remove ${join(folder, LOCK)}.`,
      { data: { folder, pid: holder.pid } },
    );
}

/**
 * Takes a folder for this process, until it is given back by the function returned, or the process ends. What one that was
 * killed left is taken over. @throws usage when another process works there
 */
export function lock(folder: string): () => void {
  requireUnlocked(folder);
  const path = join(folder, LOCK);
  rmSync(path, { force: true });
  // Whoever came first by a hair meets "wx".
  writeFileSync(path, JSON.stringify(self()), { flag: "wx" });
  const place = placeOf(folder);
  own.add(place);
  const release = (): void => {
    process.off("exit", release);
    own.delete(place);
    if (read(path)?.pid === process.pid) rmSync(path, { force: true });
  };
  process.once("exit", release);
  return release;
}

/** One place may have several names. */
function placeOf(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return resolve(folder);
  }
}

const self = (): Holder => ({ pid: process.pid, host: hostname(), started: statusOf(process.pid)?.started ?? null });

/** Null where there is no lock, or none that says who holds it. */
function read(path: string): Holder | null {
  try {
    const holder = JSON.parse(readFileSync(path, "utf8")) as Partial<Holder> | null;
    return Number.isSafeInteger(holder?.pid) && holder!.pid! > 0 ? (holder as Holder) : null;
  } catch {
    return null;
  }
}

/** Of another machine nothing is known; a state stands that two write to, since its lines are numbered by their check sums. */
function isAlive({ pid, host, started }: Holder): boolean {
  if (host !== hostname() || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  const status = statusOf(pid);
  return status === null || (!status.dead && (started === null || status.started === started));
}

/** Of a process, on Linux (proc(5)): null elsewhere. */
function statusOf(pid: number): { readonly dead: boolean; readonly started: string } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    // Behind the name, which may hold anything: state, and 19 fields on the start time.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { dead: fields[0] === "Z" || fields[0] === "X", started: fields[19]! };
  } catch {
    return null;
  }
}
