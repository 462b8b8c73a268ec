import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { openZip } from "./zip.ts";

const CONTENT = Uint8Array.from({ length: 500 }, (_, i) => i % 7);
const archive = (level: 0 | 9) => zipSync({ "a.bin": CONTENT, "b.bin": CONTENT.subarray(1) }, { level });

/** Where the records of the directory begin. */
function records(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length - 3 }, (_, at) => at).filter(
    (at) => view.getUint32(at, true) === 0x02014b50,
  );
}

/** The archive with a field of its first directory record changed. */
function changed(bytes: Uint8Array, field: number, value: number, width: 2 | 4): Uint8Array {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  const at = records(copy)[0]! + field;
  if (width === 2) view.setUint16(at, value, true);
  else view.setUint32(at, value, true);
  return copy;
}

const METHOD = 10;
const CRC = 16;
const COMPRESSED = 20;
const SIZE = 24;
const OFFSET = 42;
const readAll = (bytes: Uint8Array) => openZip(bytes, "t.zip").map((entry) => entry.read());

describe("openZip", () => {
  it.each([0, 9] as const)("reads entries at level %i", (level) => {
    const entries = openZip(archive(level), "t.zip");
    expect(entries.map(({ name, size }) => [name, size])).toEqual([
      ["a.bin", 500],
      ["b.bin", 499],
    ]);
    expect(entries.map((entry) => entry.read())).toEqual([CONTENT, CONTENT.subarray(1)]);
  });

  it("reads an archive with a comment, also one that looks like an end record", () => {
    const bytes = archive(9);
    const comment = Uint8Array.of(0x50, 0x4b, 5, 6, ...new Uint8Array(40));
    const commented = Uint8Array.of(...bytes, ...comment);
    new DataView(commented.buffer).setUint16(bytes.length - 2, comment.length, true);
    expect(openZip(commented, "t.zip")).toHaveLength(2);
  });

  it.each([
    ["no archive", Uint8Array.of(1, 2, 3)],
    ["nothing", new Uint8Array(0)],
    ["an archive that is cut", archive(9).subarray(0, 200)],
    ["a wrong checksum", changed(archive(9), CRC, 1, 4)],
    ["a wrong size, deflated", changed(archive(9), SIZE, 499, 4)],
    ["a larger size, deflated", changed(archive(9), SIZE, 501, 4)],
    ["a wrong size, stored", changed(archive(0), SIZE, 499, 4)],
    ["an entry that is elsewhere", changed(archive(9), OFFSET, 3, 4)],
    ["an entry outside the file", changed(archive(9), OFFSET, 0x7fffffff, 4)],
    ["damaged deflate data", archive(9).map((b, i) => (i >= 35 && i < 40 ? 0xff : b))],
    ["a name that is longer than the directory", changed(archive(9), 28, 60_000, 2)],
  ])("refuses %s as invalid-file", async (_, bytes) => {
    await failure("invalid-file", () => readAll(bytes));
  });

  it("refuses two entries of one name", async () => {
    const bytes = archive(9);
    const [first, second] = records(bytes);
    bytes.set(bytes.subarray(first! + 46, first! + 51), second! + 46);
    await failure("invalid-file", () => readAll(bytes));
  });

  it("refuses other methods, encryption and zip64 as unsupported", async () => {
    await failure("unsupported", () => readAll(changed(archive(9), METHOD, 12, 2)));
    await failure("unsupported", () => readAll(changed(archive(9), 8, 1, 2)));
    const zip64 = archive(9);
    new DataView(zip64.buffer).setUint32(zip64.length - 6, 0xffffffff, true);
    await failure("unsupported", () => readAll(zip64));
  });

  it("refuses more content than the bytes can hold, than 2 GiB, or than entries that overlap would give", async () => {
    await failure("unsafe-file", () => openZip(changed(archive(9), SIZE, 0x7fffffff, 4), "t.zip"));
    await failure("unsafe-file", () => openZip(changed(archive(0), COMPRESSED, 5000, 4), "t.zip"));
    const large = zipSync({ a: crypto.getRandomValues(new Uint8Array(65536)), ...manyOf(40) }, { level: 0 });
    const view = new DataView(large.buffer);
    for (const at of records(large)) view.setUint32(at + SIZE, 65_000_000, true);
    await failure("unsafe-file", () => openZip(large, "t.zip"));
  });
});

const manyOf = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`b${i}`, new Uint8Array(65536)]));
