import { createReadStream, existsSync } from "node:fs";
import { type FileHandle, mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { SmoothedSample } from "../../certify/smoothing/certify.ts";
import { crc32 } from "../../crc32.ts";
import { PerturbError } from "../../errors.ts";
import { type Lock, lock } from "./lock.node.ts";

/** The file in the folder of a result that keeps certificates until the result is written. */
export const JOURNAL = "smoothing.state";
const LAYOUT = 1;

/** What tells a run apart from others. */
export type SmoothingFacts = Readonly<Record<string, string | number | null>>;

interface Heading {
  readonly layout: number;
  /** The command line behind the program's name. */
  readonly words: readonly string[];
  readonly facts: SmoothingFacts;
}

interface Line extends SmoothedSample {
  /** Of the elements of the sample: another one of the same index is certified anew. */
  readonly crc: number;
}

/** Certificates that are kept while others are made. */
export interface SmoothingJournal {
  /** Samples that were kept by a run before. */
  readonly resumed: number;
  known(index: number, x: Float32Array): SmoothedSample | undefined;
  keep(sample: SmoothedSample, x: Float32Array): Promise<void>;
  /** Gives the folder back. Without `done`, what is kept stays. */
  close(done: boolean): Promise<void>;
}

/** The command line of a run that was not finished; null where a folder holds none. @throws invalid-file */
export async function smoothingWords(folder: string): Promise<readonly string[] | null> {
  if (!existsSync(join(folder, JOURNAL))) return null;
  return (await read(folder)).heading.words;
}

/**
 * Begins to keep certificates in a folder, or goes on with what it keeps.
 * @throws usage where another process works there; mismatch where what is kept is of another run; invalid-file
 */
export async function openSmoothingJournal(
  folder: string,
  heading: Omit<Heading, "layout">,
  resume: boolean,
): Promise<SmoothingJournal> {
  await mkdir(folder, { recursive: true });
  const own = await lock(folder);
  try {
    const kept = resume ? await read(folder) : null;
    if (kept) checkFacts(folder, kept.heading.facts, heading.facts);
    // Written anew, so that half a line at its end is no part of the next.
    const file = await open(join(folder, JOURNAL), "w");
    await file.writeFile(written({ layout: LAYOUT, ...heading }));
    for (const line of kept?.lines.values() ?? []) await file.writeFile(written(line));
    return journalOf(folder, file, kept?.lines ?? new Map<number, Line>(), own);
  } catch (error) {
    own.release();
    throw error;
  }
}

function journalOf(folder: string, file: FileHandle, lines: ReadonlyMap<number, Line>, own: Lock): SmoothingJournal {
  let isOpen = true;
  return {
    resumed: lines.size,
    known(index, x) {
      const line = lines.get(index);
      if (line?.crc !== checksum(x)) return undefined;
      const { crc: _, ...sample } = line;
      return sample;
    },
    async keep(sample, x) {
      own.check();
      await file.writeFile(written({ ...sample, crc: checksum(x) }));
      await file.datasync();
    },
    async close(done) {
      if (!isOpen) return;
      isOpen = false;
      await file.close();
      if (done) await rm(join(folder, JOURNAL), { force: true });
      own.release();
    },
  };
}

const checksum = (x: Float32Array): number => crc32(new Uint8Array(x.buffer, x.byteOffset, x.byteLength));

/** A line begins with the checksum of the rest. */
function written(value: object): string {
  const text = JSON.stringify(value);
  return `${crc32(new TextEncoder().encode(text)).toString(16).padStart(8, "0")} ${text}\n`;
}

async function read(folder: string): Promise<{ heading: Heading; lines: Map<number, Line> }> {
  const path = join(folder, JOURNAL);
  const lines = new Map<number, Line>();
  let heading: Heading | undefined;
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const text = line.slice(9);
    // What was cut off by a power cut, or damaged, is certified anew.
    if (Number.parseInt(line.slice(0, 8), 16) !== crc32(new TextEncoder().encode(text))) {
      if (heading) continue;
      break;
    }
    const value: unknown = JSON.parse(text);
    if (!heading) heading = value as Heading;
    else lines.set((value as Line).index, value as Line);
  }
  if (heading?.layout === LAYOUT) return { heading, lines };
  throw new PerturbError(
    "invalid-file",
    `${path} is no state of this version of perturb, or its first line is damaged. Start the run anew.`,
    { data: { path } },
  );
}

/** @throws mismatch */
function checkFacts(folder: string, kept: SmoothingFacts, now: SmoothingFacts): void {
  const other = Object.keys({ ...kept, ...now }).find((name) => kept[name] !== now[name]);
  if (other !== undefined)
    throw new PerturbError(
      "mismatch",
      `The run in ${folder} is another one: its ${other} is ${kept[other] ?? "not known"}, and now it is ${now[other] ?? "not known"}. Give another folder, or start anew there.`,
      { data: { folder, fact: other, was: kept[other], is: now[other] } },
    );
}
