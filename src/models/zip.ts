import { crc32 } from "../crc32.ts";
import { PerturbError } from "../errors.ts";
import { ByteReader, invalidFile, quote } from "./binary.ts";

/** An archive whose files are stored, not compressed, so that what is read is there: nothing can blow up. */
export interface StoredZip {
  readonly names: readonly string[];
  /** Where the bytes of an entry lie in the archive, its checksum compared. @throws invalid-file, not-found */
  readonly find: (name: string) => { readonly start: number; readonly end: number };
}

interface Entry {
  readonly name: string;
  /** Where its directory record is, for messages. */
  readonly at: number;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly start: number;
  readonly end: number;
}

const END = 0x06054b50;
const DIRECTORY = 0x02014b50;
const LOCAL = 0x04034b50;
const END_SIZE = 22;
const ENCRYPTED = 1;

/**
 * The directory of an archive. Entries may not overlap, nor share a name.
 * @throws invalid-file, unsupported (more than 4 GiB or 65,535 entries). Format: APPNOTE.TXT of PKWARE, 6.3.10
 */
export function openStoredZip(bytes: Uint8Array, file: string): StoredZip {
  const entries = new Map<string, Entry>();
  for (const entry of readDirectory(bytes, file)) {
    if (entries.has(entry.name)) throw invalidFile(file, entry.at, `two entries are named ${quote(entry.name)}.`);
    entries.set(entry.name, entry);
  }
  const inOrder = [...entries.values()].sort((a, b) => a.start - b.start);
  for (const [i, { name, at, end }] of inOrder.entries()) {
    if (end > (inOrder[i + 1]?.start ?? end)) throw invalidFile(file, at, `entry ${quote(name)} overlaps the next.`);
  }

  const find = (name: string) => {
    const entry = entries.get(name);
    if (entry === undefined) throw invalidFile(file, bytes.length, `the archive has no entry ${quote(name)}.`);
    if ((entry.flags & ENCRYPTED) !== 0 || entry.method !== 0)
      throw invalidFile(file, entry.at, `entry ${quote(name)} is compressed or encrypted; torch only stores.`);
    // torch writes 0 where it was told to compute none.
    if (entry.crc !== 0 && crc32(bytes.subarray(entry.start, entry.end)) !== entry.crc)
      throw invalidFile(file, entry.start, `the checksum of entry ${quote(name)} does not fit its bytes.`);
    return entry;
  };
  return { names: [...entries.keys()], find };
}

function* readDirectory(bytes: Uint8Array, file: string): Generator<Entry> {
  const endAt = findEnd(bytes, file);
  const end = new ByteReader(file, bytes, endAt + 10);
  const count = end.u16();
  const size = end.u32();
  const offset = end.u32();
  if (count === 0xffff || size === 0xffffffff || offset === 0xffffffff)
    throw new PerturbError(
      "unsupported",
      `${file}: the archive has more than 4 GiB or 65,534 entries. Save fewer tensors.`,
    );
  if (offset + size > endAt) throw invalidFile(file, endAt, "the archive's directory lies outside the file.");
  const reader = new ByteReader(file, bytes, offset, offset + size);
  for (let i = 0; i < count; i++) yield readEntry(reader, offset);
}

/** The record at the end, behind which only a comment may follow. */
function findEnd(bytes: Uint8Array, file: string): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = bytes.length - END_SIZE; at >= Math.max(0, bytes.length - END_SIZE - 0xffff); at--) {
    if (view.getUint32(at, true) !== END) continue;
    if (at + END_SIZE + view.getUint16(at + 20, true) === bytes.length) return at;
  }
  throw invalidFile(file, bytes.length, "the zip archive has no end record: the file is cut off.");
}

function readEntry(reader: ByteReader, directoryAt: number): Entry {
  const at = reader.position;
  if (reader.u32() !== DIRECTORY) throw reader.error("no record of a zip directory.", at);
  reader.take(4);
  const flags = reader.u16();
  const method = reader.u16();
  reader.take(4);
  const crc = reader.u32();
  const packed = reader.u32();
  const size = reader.u32();
  const [nameLength, extraLength, commentLength] = [reader.u16(), reader.u16(), reader.u16()];
  reader.take(8);
  const localAt = reader.u32();
  const name = reader.text(nameLength);
  reader.take(extraLength + commentLength);
  if (method === 0 && packed !== size) throw reader.error(`entry ${quote(name)} has two sizes.`, at);

  const local = new ByteReader(reader.file, reader.bytes, localAt, directoryAt);
  if (local.u32() !== LOCAL) throw local.error(`no entry ${quote(name)} here.`, localAt);
  local.take(22);
  const [localNameLength, localExtraLength] = [local.u16(), local.u16()];
  if (local.text(localNameLength) !== name) throw local.error(`another entry than ${quote(name)}.`, localAt);
  local.take(localExtraLength);
  const start = local.position;
  local.take(packed);
  return { name, at, flags, method, crc, start, end: local.position };
}
