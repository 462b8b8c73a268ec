import { join } from "node:path";
import type { Tally } from "../results/tally.ts";
import type { OpenState } from "../state.ts";
import { emptyShelves, exampleLists, shelve, tallyText, trimmed } from "./encode.ts";
import type { Extent } from "./extent.ts";
import { makeState, type StateFile, takeState } from "./file.node.ts";
import { type Heading, headingText, type ReadHeading, STATE } from "./heading.node.ts";
import { pixelText } from "./pixels.node.ts";

/** Milliseconds between two calls that wait for the disk. */
const SYNC = 1000;

/** The state of an evaluation in a folder. */
export interface KeptJournal extends Omit<OpenState, "data"> {
  readonly folder: string;
}

/** Which run a journal is of. */
export type Run = Omit<Heading, "began">;

export interface JournalOptions {
  readonly extent: Extent;
  /** Told of what was damaged, and is done again. */
  readonly warn: (message: string) => void;
}

/**
 * A journal that makes its state, and the folder, when the first batch is done; `heading` is asked for then. A state that is
 * there is replaced. Keeping @throws usage when the folder cannot be written, or another process works there
 */
export const newJournal = (folder: string, heading: () => Run, options: JournalOptions): KeptJournal =>
  journal(folder, null, { ...options, heading, began: new Date() });

/** The journal of a run that goes on: `done` is read first. @throws usage when another process works there */
export async function resumedJournal(
  folder: string,
  heading: ReadHeading,
  options: JournalOptions,
): Promise<KeptJournal> {
  const state = await takeState(folder, heading);
  return journal(folder, state, { ...options, heading: () => heading, began: new Date(heading.began) });
}

interface Setting extends JournalOptions {
  readonly heading: () => Run;
  readonly began: Date;
}

function journal(folder: string, before: StateFile | null, { heading, began, extent, warn }: Setting): KeptJournal {
  const opened = performance.now();
  const shelves = emptyShelves(extent.points);
  let state = before;
  let saved = before !== null;
  let closing: Promise<void> | undefined;
  let [resumed, seconds, synced] = [0, 0, Number.NEGATIVE_INFINITY];
  let writing: Promise<void> = Promise.resolve();

  const write = async (tally: Tally): Promise<void> => {
    state ??= await makeState(folder);
    const kept = trimmed(tally, shelves);
    const lines = exampleLists(kept)
      .flat()
      .map((picture) => JSON.stringify(pixelText(picture)));
    lines.push(tallyText({ tally: kept, seconds: seconds + (performance.now() - opened) / 1000 }));
    await state.append(saved ? lines : [headingText({ began: began.toISOString(), ...heading() }), ...lines]);
    saved = true;
    shelve(shelves, kept);
    if (performance.now() - synced < SYNC) return;
    await state.sync();
    synced = performance.now();
  };
  const end = async (): Promise<void> => {
    await writing.catch(() => undefined);
    await state?.sync().catch(() => undefined);
    await state?.close();
  };
  return {
    folder,
    began,
    get seconds() {
      return seconds;
    },
    get saved() {
      return saved;
    },
    get resumed() {
      return resumed;
    },
    async *done() {
      if (!before) return;
      const { readTallies } = await import("./read.node.ts");
      let last = before.end;
      for await (const { tally, ...line } of readTallies(before.file, last, extent, join(folder, STATE))) {
        last = line;
        seconds = line.seconds;
        resumed += tally.total;
        shelve(shelves, tally);
        yield tally;
      }
      const dropped = await before.cut(last);
      if (dropped > 0)
        warn(
          `the last ${dropped} bytes of the state in ${folder} are torn or damaged, and were dropped: ${resumed} of ${extent.total - extent.first} samples are done.`,
        );
    },
    async keep(tally) {
      // What comes in while the run ends is done again.
      if (closing) return;
      writing = write(tally);
      await writing;
    },
    close: () => (closing ??= end()),
    release: () => state?.release(!saved),
  };
}
