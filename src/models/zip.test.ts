import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { openStoredZip } from "./zip.ts";

const text = (s: string) => new TextEncoder().encode(s);
const stored = (comment?: string) => {
  const bytes = zipSync({ a: text("first"), "b/c": text("second"), empty: text("") }, { level: 0 });
  if (comment === undefined) return bytes;
  const long = Uint8Array.from([...bytes, ...text(comment)]);
  new DataView(long.buffer).setUint16(bytes.length - 2, comment.length, true);
  return long;
};
const contents = (bytes: Uint8Array, name: string) => {
  const { start, end } = openStoredZip(bytes, "x.zip").find(name);
  return new TextDecoder().decode(bytes.subarray(start, end));
};
/** Position of the nth record with this signature. */
const record = (bytes: Uint8Array, signature: string, n = 0): number => {
  const found = [...bytes.keys()].filter((i) => text(signature).every((byte, j) => bytes[i + j] === byte));
  return found[n]!;
};
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

describe("openStoredZip", () => {
  it.each([undefined, "", "a comment with PK\x05\x06 and more than 22 bytes in it"])(
    "reads entries, comment %j",
    (comment) => {
      const bytes = stored(comment);
      expect(openStoredZip(bytes, "x.zip").names).toEqual(["a", "b/c", "empty"]);
      expect(["a", "b/c", "empty"].map((name) => contents(bytes, name))).toEqual(["first", "second", ""]);
    },
  );

  it("skips the checksum where none was computed", () => {
    expect(contents(patched(DIRECTORY, 0, 16, 4, 0), "a")).toBe("first");
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
    ["a wrong checksum", patched(DIRECTORY, 0, 16, 4, 1)],
    ["a compressed entry", patched(DIRECTORY, 0, 10, 2, 8)],
    ["an encrypted entry", patched(DIRECTORY, 0, 8, 2, 1)],
  ])("refuses %s", (_, bytes) => {
    expect(() => contents(bytes, "a")).toThrow(expect.objectContaining({ code: "invalid-file" }));
  });

  it("refuses entries that overlap: the way of small archives to be large", () => {
    const bytes = stored();
    const view = new DataView(bytes.buffer);
    const [first, second] = [record(bytes, DIRECTORY, 0), record(bytes, LOCAL, 1)];
    for (const field of [20, 24]) view.setUint32(first + field, second - record(bytes, LOCAL, 0) + 10, true);
    expect(() => openStoredZip(bytes, "x.zip")).toThrow(/entry "a" overlaps the next/);
  });

  it("refuses a name that comes twice", () => {
    const bytes = zipSync({ a: text("1"), b: text("2") }, { level: 0 });
    bytes[record(bytes, LOCAL, 1) + 30] = 0x61;
    bytes[record(bytes, DIRECTORY, 1) + 46] = 0x61;
    expect(() => openStoredZip(bytes, "x.zip")).toThrow(/two entries are named "a"/);
  });

  it("names an entry that is not there", () => {
    expect(() => openStoredZip(stored(), "x.zip").find("data.pkl")).toThrow(/no entry "data.pkl"/);
  });

  it("sends archives above 4 GiB back", () => {
    expect(() => openStoredZip(patched(END, 0, 16, 4, 0xffffffff), "x.zip")).toThrow(
      expect.objectContaining({ code: "unsupported" }),
    );
  });
});
