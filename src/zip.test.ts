import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { failure } from "../test/support/datasets.ts";
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
    await failure("unsafe-file", () => openZip(changed(archive(9), COMPRESSED, 5000, 4), "t.zip"));
    const large = zipSync({ a: crypto.getRandomValues(new Uint8Array(65536)), ...manyOf(40) }, { level: 0 });
    const view = new DataView(large.buffer);
    for (const at of records(large)) {
      view.setUint16(at + METHOD, 8, true);
      view.setUint32(at + SIZE, 65_000_000, true);
    }
    await failure("unsafe-file", () => openZip(large, "t.zip"));
  });

  it("refuses much more content than an honest archive of its size has, and takes a little more", async () => {
    // 0.3 MB that claims to hold so many.
    const claiming = (content: number) => {
      const bytes = zipSync({ a: crypto.getRandomValues(new Uint8Array(65536)), ...manyOf(4) }, { level: 0 });
      const view = new DataView(bytes.buffer);
      for (const [i, at] of records(bytes).entries()) {
        view.setUint16(at + METHOD, 8, true);
        view.setUint32(at + SIZE, Math.min(content - i * 60_000_000, 60_000_000), true);
      }
      return bytes;
    };
    expect(openZip(claiming(250_000_000), "t.zip")).toHaveLength(5);
    const { message } = await failure("unsafe-file", () => openZip(claiming(280_000_000), "t.zip"));
    expect(message).toContain("save it uncompressed");
  });
});

const manyOf = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`b${i}`, new Uint8Array(65536)]));

const text = (s: string) => new TextEncoder().encode(s);
/** Three stored entries. */
const stored = () => zipSync({ a: text("first"), "b/c": text("second"), empty: text("") }, { level: 0 });
/** Position of the nth record with this signature. */
const record = (bytes: Uint8Array, signature: string, n = 0): number =>
  [...bytes.keys()].filter((i) => text(signature).every((byte, j) => bytes[i + j] === byte))[n]!;
const patched = (signature: string, n: number, offset: number, size: 2 | 4, value: number) => {
  const bytes = stored();
  const view = new DataView(bytes.buffer);
  const at = record(bytes, signature, n) + offset;
  if (size === 2) view.setUint16(at, value, true);
  else view.setUint32(at, value, true);
  return bytes;
};
const LOCAL = "PK\x03\x04";
const DIRECTORY = "PK\x01\x02";
const END = "PK\x05\x06";

describe("a stored entry", () => {
  it("says where its bytes lie", () => {
    const bytes = stored();
    const entries = openZip(bytes, "x.zip");
    expect(
      entries.map(({ name, stored: asIs, start, end }) => [
        name,
        asIs,
        new TextDecoder().decode(bytes.subarray(start, end)),
      ]),
    ).toEqual([
      ["a", true, "first"],
      ["b/c", true, "second"],
      ["empty", true, ""],
    ]);
    expect(entries[0]!.read().buffer).toBe(bytes.buffer);
    expect(openZip(archive(9), "x.zip")[0]!.stored).toBe(false);
    expect(openZip(patched(DIRECTORY, 0, 8, 2, 1), "x.zip")[0]!.stored).toBe(false);
  });

  const localB = record(stored(), LOCAL, 1);
  it.each<[string, Uint8Array]>([
    ["no end record", stored().slice(0, -1)],
    ["a directory behind the end", patched(END, 0, 16, 4, 0xfffffff0)],
    ["a directory that is too large", patched(END, 0, 12, 4, 1e6)],
    ["more entries than there are", patched(END, 0, 10, 2, 4)],
    ["a directory that is none", patched(DIRECTORY, 1, 0, 4, 7)],
    ["two sizes", patched(DIRECTORY, 0, 20, 4, 4)],
    ["an entry that is too large", patched(DIRECTORY, 0, 24, 4, 0x7fffffff)],
    ["a name that is too long", patched(DIRECTORY, 2, 28, 2, 0xffff)],
    ["an entry that is elsewhere", patched(DIRECTORY, 0, 42, 4, 5)],
    ["an entry of another name", patched(DIRECTORY, 0, 42, 4, localB)],
  ])("is refused before anything is read: %s", async (_, bytes) => {
    await failure("invalid-file", () => openZip(bytes, "x.zip"));
  });

  it("may not overlap the next: the way of small archives to be large", async () => {
    const bytes = stored();
    const view = new DataView(bytes.buffer);
    const [first, second] = [record(bytes, DIRECTORY, 0), record(bytes, LOCAL, 1)];
    for (const field of [20, 24]) view.setUint32(first + field, second - record(bytes, LOCAL, 0) + 10, true);
    expect((await failure("invalid-file", () => openZip(bytes, "x.zip"))).message).toContain(
      'entry "a" overlaps the next',
    );
  });

  it("may not have a name that is there already, nor one that plays tricks on a terminal", async () => {
    const bytes = zipSync({ a: text("1"), b: text("2") }, { level: 0 });
    for (const at of [record(bytes, LOCAL, 1) + 30, record(bytes, DIRECTORY, 1) + 46]) bytes[at] = 0x61;
    expect((await failure("invalid-file", () => openZip(bytes, "x.zip"))).message).toContain(
      'two entries are named "a"',
    );
    const red = zipSync({ "\u001b[31m": text("1") }, { level: 0 });
    red[record(red, DIRECTORY) + 16]! ^= 1;
    const { message } = await failure("invalid-file", () => openZip(red, "x.zip")[0]!.read());
    expect(message).toContain("\\u001b[31m");
    expect(message).not.toContain("\u001b");
  });
});
