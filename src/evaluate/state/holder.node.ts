import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/** Who works in a folder, as the name of a file tells. */
export interface Holder {
  readonly name: string;
  readonly pid: number;
  /** When the process started, where the system tells: numbers of processes come again. */
  readonly started: string;
  /** Where its number means something: a machine, or a container. */
  readonly place: string;
}

/** Milliseconds after which a holder of another machine or container that gave no sign of life is taken for dead. */
export const PATIENCE = 20_000;
const LOOK = 500;

/** A name for a process of this place as a holder, with something of its own. */
export const nameOf = (own: string, pid = process.pid): string =>
  `${pid}-${statusOf(pid)?.started ?? ""}-${thisPlace()}-${own}`;

/** Null where it is no name of a holder. */
export function readHolder(name: string): Holder | null {
  const [, pid, started, place] = /^([1-9]\d*)-(\d*)-([0-9a-f]{12})-[0-9a-f]+$/.exec(name) ?? [];
  return pid === undefined ? null : { name, pid: Number(pid), started: started!, place: place! };
}

/**
 * Whether the process of a holder lives. The system tells of those beside this one; others are alive as long as they touch
 * their file. No clock is asked, as those of two machines differ: the file is watched.
 */
export async function lives(holder: Holder, file: string): Promise<boolean> {
  if (holder.place === thisPlace()) return isAlive(holder);
  const before = touched(file);
  for (let waited = 0; waited < PATIENCE; waited += LOOK) {
    await new Promise((resolve) => setTimeout(resolve, LOOK));
    const now = touched(file);
    if (now === null) return false;
    if (now !== before) return true;
  }
  return false;
}

/** When a file was touched last; null where it is gone. It is opened, since network file systems remember the times of others. */
function touched(file: string): bigint | null {
  try {
    const handle = openSync(file, "r");
    try {
      return fstatSync(handle, { bigint: true }).mtimeNs;
    } finally {
      closeSync(handle);
    }
  } catch {
    return null;
  }
}

function isAlive({ pid, started }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  const status = statusOf(pid);
  return status === null || (!status.dead && status.started === started);
}

/** The machine since it was started, and on Linux the container: elsewhere there are no processes of others. */
function thisPlace(): string {
  const parts = [
    hostname(),
    textOf(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8")),
    textOf(() => readlinkSync("/proc/self/ns/pid")),
  ];
  return createHash("sha256").update(parts.join("\n")).digest("hex").slice(0, 12);
}

const textOf = (read: () => string): string => {
  try {
    return read().trim();
  } catch {
    return "";
  }
};

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
