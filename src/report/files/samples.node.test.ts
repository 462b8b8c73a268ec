import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scratch } from "../../../test/support/cli.ts";
import { failure } from "../../../test/support/datasets.ts";
import { collect, fooledSample, sampleRecord } from "../../../test/support/sample-records.ts";
import type { SampleRecord } from "../../evaluate.ts";
import { openSamples, samplesIn, spoolSamples } from "./samples.node.ts";
import { SAMPLE_COLUMNS, SAMPLES_HEADER, sampleLine } from "./samples.ts";

let place: ReturnType<typeof scratch>;
beforeAll(() => {
  place = scratch();
});
afterAll(() => place.remove());

const some = (count: number, from = 0): SampleRecord[] =>
  Array.from({ length: count }, (_, i) => ({
    ...((from + i) % 3 === 0 ? fooledSample : sampleRecord),
    index: from + i,
    margin: Math.sin(from + i),
  }));

/** Rows of the Parquet file as records. */
async function rowsOf(path: string): Promise<unknown[]> {
  const rows = await parquetReadObjects({ file: await asyncBufferFromFile(path) });
  return rows.map((row) => Object.fromEntries(SAMPLE_COLUMNS.map(({ name, key }) => [key, row[name]])));
}

describe("samples.csv and samples.parquet", () => {
  it("hold the same records, in order", async () => {
    const writer = await openSamples(place.path);
    const records = some(1000);
    for (let i = 0; i < records.length; i += 70) await writer.write(records.slice(i, i + 70));
    await writer.finish();
    expect(readFileSync(join(place.path, "samples.csv"), "utf8")).toBe(
      SAMPLES_HEADER + records.map(sampleLine).join(""),
    );
    expect(await rowsOf(join(place.path, "samples.parquet"))).toEqual(records);
    expect(await collect(samplesIn(join(place.path, "samples.csv")))).toEqual(records);
  });

  it("are typed, and cut into groups of rows", async () => {
    const writer = await openSamples(place.path);
    for (let from = 0; from < 40_000; from += 1000) await writer.write(some(1000, from));
    await writer.finish();
    const file = await asyncBufferFromFile(join(place.path, "samples.parquet"));
    const { schema, row_groups, num_rows } = await parquetMetadataAsync(file);
    expect(num_rows).toBe(40_000n);
    expect(row_groups.map((group) => Number(group.num_rows))).toEqual([...new Array<number>(19).fill(2048), 1088]);
    expect(schema.slice(1).map((c) => `${c.name} ${c.type} ${c.repetition_type}`)).toEqual(
      SAMPLE_COLUMNS.map(
        ({ name, type, nullable }) =>
          `${name} ${type === "STRING" ? "BYTE_ARRAY" : type} ${nullable ? "OPTIONAL" : "REQUIRED"}`,
      ),
    );
    const last = await parquetReadObjects({ file, rowStart: 39_999, rowEnd: 40_000 });
    expect(last).toMatchObject([{ index: 39_999, outcome: "fooled", attack: "pgd" }]);
  });

  it("may hold no sample", async () => {
    const writer = await openSamples(place.path);
    await writer.finish();
    expect(await rowsOf(join(place.path, "samples.parquet"))).toEqual([]);
    expect(await collect(samplesIn(join(place.path, "samples.csv")))).toEqual([]);
  });

  it("are read from a file of theirs only", async () => {
    await failure("not-found", () => collect(samplesIn(join(place.path, "none.csv"))));
    await failure("not-found", () => collect(samplesIn(place.path)));
    const path = join(place.path, "binary.csv");
    writeFileSync(
      path,
      Uint8Array.from({ length: 100_000 }, (_, i) => i * 31),
    );
    await failure("invalid-file", () => collect(samplesIn(path)));
  });
});

describe("the spool", () => {
  it("gives what was written, as files and as records, and leaves nothing", async () => {
    const [tmp, out] = [scratch(), scratch()];
    const spool = await spoolSamples(tmp.path);
    expect(readdirSync(tmp.path)).toHaveLength(1);
    await spool.write(some(10));
    await spool.write(some(10, 10));
    await spool.copyTo(out.path);
    expect(await collect(spool.read())).toEqual(some(20));
    expect(readdirSync(out.path).sort()).toEqual(["samples.csv", "samples.parquet"]);
    expect(await rowsOf(join(out.path, "samples.parquet"))).toEqual(some(20));
    await spool.remove();
    expect(readdirSync(tmp.path)).toEqual([]);
    tmp.remove();
    out.remove();
  });

  it("that was never read leaves nothing, and one without a place says so", async () => {
    const tmp = scratch();
    const spool = await spoolSamples(tmp.path);
    await spool.write(some(3));
    await spool.remove();
    expect(readdirSync(tmp.path)).toEqual([]);
    tmp.remove();
    await failure("usage", () => spoolSamples(tmp.path));
  });
});
