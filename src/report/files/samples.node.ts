import { createReadStream, rmSync } from "node:fs";
import { copyFile, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf, PerturbError } from "../../errors.ts";
import type { SampleRecord } from "../../evaluate.ts";
import { type SampleTable, tabulate } from "./sample-table.ts";
import { columnsOf, headerOf, readSamples, SAMPLE_COLUMNS, type SampleColumn, sampleLine } from "./samples.ts";

/** The files that hold a record of each sample. */
export const SAMPLE_FILES = ["samples.csv", "samples.parquet"] as const;

/** Records of a row group: memory is that of one, whatever the number of samples. */
const GROUP = 2 ** 11;

export interface SampleWriter {
  /** Adds records, in the order of their samples. */
  readonly write: (records: readonly SampleRecord[]) => Promise<void>;
  /** Ends the files. */
  readonly finish: () => Promise<void>;
}

/** Makes samples.csv and samples.parquet in a folder that is there, and fills them as records come: the first one tells which columns there are. */
export async function openSamples(folder: string): Promise<SampleWriter> {
  const csv = await open(join(folder, "samples.csv"), "w");
  let parquet: Promise<SampleWriter> | undefined;
  const begin = async (columns: readonly SampleColumn[]): Promise<SampleWriter> => {
    await csv.appendFile(headerOf(columns));
    return openParquet(join(folder, "samples.parquet"), columns);
  };
  return {
    async write(records) {
      if (records.length === 0) return;
      parquet ??= begin(columnsOf(records[0]!));
      const table = await parquet;
      await csv.appendFile(records.map(sampleLine).join(""));
      await table.write(records);
    },
    async finish() {
      parquet ??= begin(SAMPLE_COLUMNS);
      const table = await parquet;
      await csv.close();
      await table.finish();
    },
  };
}

async function openParquet(path: string, columns: readonly SampleColumn[]): Promise<SampleWriter> {
  const { fileWriter, ParquetWriter, schemaFromColumnData } = await import("hyparquet-writer");
  const schema = schemaFromColumnData({
    columnData: columns.map(({ name, type, nullable }) => ({ name, data: [], type, nullable })),
  });
  const file = new ParquetWriter({ writer: fileWriter(path), schema, createdBy: "perturb" });
  const waiting: SampleRecord[] = [];
  const writeGroup = async (): Promise<void> => {
    const group = waiting.splice(0, GROUP);
    // An index of pages would grow with the samples in memory, and serves no reader of so few pages.
    const columnData = columns.map(({ name, key }) => ({
      name,
      data: group.map((record) => record[key] ?? null),
      offsetIndex: false,
    }));
    await file.write({ columnData, rowGroupSize: GROUP });
  };
  return {
    async write(records) {
      for (const record of records) waiting.push(record);
      while (waiting.length >= GROUP) await writeGroup();
    },
    async finish() {
      if (waiting.length > 0) await writeGroup();
      await file.finish();
    },
  };
}

/** Keeps the records of a run until its report is written. */
export interface SampleSpool {
  readonly write: SampleWriter["write"];
  /** Ends the files and copies them into a folder. */
  readonly copyTo: (folder: string) => Promise<void>;
  /** Ends the files and reads the records back. */
  readonly read: () => AsyncGenerator<SampleRecord>;
  /** The first of the records, for report.html. */
  readonly table: () => SampleTable;
  readonly remove: () => Promise<void>;
}

/** A spool in the system's folder for temporary files; an exit removes it. @throws usage when there is no place for it */
export async function spoolSamples(parent: string = tmpdir()): Promise<SampleSpool> {
  const folder = await mkdtemp(join(parent, "perturb-samples-")).catch((cause: unknown) => {
    throw new PerturbError(
      "usage",
      `There is no place for temporary files: ${messageOf(cause)}. Set TMPDIR to a folder that can be written.`,
      { data: { parent }, cause },
    );
  });
  const forget = (): void => rmSync(folder, { recursive: true, force: true });
  process.once("exit", forget);
  const writer = await openSamples(folder);
  const { add, table } = tabulate();
  let finished: Promise<void> | undefined;
  const finish = (): Promise<void> => (finished ??= writer.finish());
  return {
    async write(records) {
      add(records);
      await writer.write(records);
    },
    table,
    async copyTo(target) {
      await finish();
      await Promise.all(SAMPLE_FILES.map((name) => copyFile(join(folder, name), join(target, name))));
    },
    async *read() {
      await finish();
      yield* samplesIn(join(folder, "samples.csv"));
    },
    async remove() {
      process.off("exit", forget);
      // The files may be half written: what they hold goes away in any case.
      await finish().catch(() => undefined);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The records of a samples.csv. @throws not-found, invalid-file */
export async function* samplesIn(path: string): AsyncGenerator<SampleRecord> {
  const stream = createReadStream(path, { encoding: "utf8" });
  try {
    yield* readSamples(stream, path);
  } catch (cause) {
    if (!(cause instanceof Error && "syscall" in cause)) throw cause;
    throw new PerturbError("not-found", `${path} cannot be read: ${messageOf(cause)}. Check the path.`, {
      data: { path },
      cause,
    });
  } finally {
    stream.destroy();
  }
}
