import { inflateSync } from "fflate";
import { crc32 } from "./crc32.ts";
import { messageOf, PerturbError } from "./errors.ts";
import { quote } from "./quote.ts";

/** A file in a zip archive. Its name is a label, never a path. */
export interface ZipEntry {
  readonly name: string;
  /** Bytes of its content. */
  readonly size: number;
  /** Whether its bytes in the archive are its content: neither compressed nor encrypted. */
  readonly stored: boolean;
  /** Where its bytes lie in the archive. */
  readonly start: number;
  readonly end: number;
  /** CRC-32 of the content, as the archive says. */
  readonly crc: number;
  /** The content, checked against its size and CRC-32; a view of the archive where it is stored. @throws invalid-file, unsupported */
  read(): Uint8Array;
}

/** Deflate gives at most 258 bytes for each 2 bits (RFC 1951 §3.2.5), so no gzip or zip entry grows by more than this. */
export const DEFLATE_LIMIT = 1032;

/** Whether bytes begin as an archive does. */
export const isZip = (head: Uint8Array): boolean => head[0] === 0x50 && head[1] === 0x4b;

/** All content of an archive together. */
const MAX_CONTENT = 2 ** 31;
/** What so few compressed bytes may become: content that any file may have, or a share that no honest one exceeds. */
export const mostContent = (compressed: number): number => Math.max(2 ** 28, 32 * compressed);

const END = { signature: 0x06054b50, length: 22 };
const CENTRAL = { signature: 0x02014b50, length: 46 };
const LOCAL = { signature: 0x04034b50, length: 30 };
const STORED = 0;
const DEFLATED = 8;

/** What the archive's directory says of a file. */
interface Record {
  readonly name: string;
  readonly encrypted: boolean;
  readonly method: number;
  readonly crc: number;
  readonly compressedSize: number;
  readonly size: number;
  /** Where its local header begins. */
  readonly localAt: number;
  /** Where this record begins, and the next. */
  readonly at: number;
  readonly next: number;
}

/**
 * The files in a zip archive (PKWARE APPNOTE 6.3), stored or deflated, from its central directory. They may neither
 * overlap nor share a name, so that what is read is there: a small archive cannot be large.
 * @throws invalid-file; unsupported for zip64; unsafe-file for more content than so few bytes can hold or any file of this size has, or than 2 GiB
 */
export function openZip(bytes: Uint8Array, file: string): readonly ZipEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const { count, start, end } = findDirectory(view, file);
  const records: Record[] = [];
  const names = new Set<string>();
  let [compressed, content, at] = [0, 0, start];
  for (let i = 0; i < count; i++) {
    const record = readRecord(bytes, view, at, end, file);
    const { name } = record;
    if (names.has(name)) throw invalid(file, `two entries are named ${quote(name)}`, at);
    if (record.method === STORED && record.size !== record.compressedSize)
      throw invalid(file, `entry ${quote(name)} has two sizes`, at);
    compressed += record.compressedSize;
    content += record.size;
    const limit = Math.min(MAX_CONTENT, mostContent(bytes.length));
    if (compressed > bytes.length || record.size > record.compressedSize * DEFLATE_LIMIT || content > limit)
      throw new PerturbError(
        "unsafe-file",
        `${file}: its entries up to ${quote(name)} declare ${content} bytes out of ${compressed} compressed ones; the archive has ${bytes.length}, of which ${limit} are read at most. If it is your own, save it uncompressed.`,
        { data: { file, entry: name, content, compressed, limit } },
      );
    names.add(name);
    records.push(record);
    at = record.next;
  }
  const entries = records.map((record) => locate(bytes, view, record, start, file));
  checkOverlap(entries, records, file);
  return entries;
}

/** Its end record is last, but for a comment of up to 65,535 bytes. */
function findDirectory(view: DataView, file: string): { count: number; start: number; end: number } {
  const last = view.byteLength - END.length;
  const isEnd = (at: number) =>
    view.getUint32(at, true) === END.signature && at + END.length + view.getUint16(at + 20, true) === view.byteLength;
  let end = last;
  while (end >= Math.max(0, last - 0xffff) && !isEnd(end)) end--;
  if (end < Math.max(0, last - 0xffff))
    throw invalid(file, "it has no end record: the file is cut off", view.byteLength);
  const count = view.getUint16(end + 10, true);
  const [size, start] = [view.getUint32(end + 12, true), view.getUint32(end + 16, true)];
  if (count === 0xffff || size === 0xffffffff || start === 0xffffffff)
    throw unsupported(file, "it has more than 4 GiB or 65,534 entries (zip64)", { count });
  if (start + size > end) throw invalid(file, "its directory lies outside the file", end);
  return { count, start, end: start + size };
}

function readRecord(bytes: Uint8Array, view: DataView, at: number, end: number, file: string): Record {
  if (at + CENTRAL.length > end || view.getUint32(at, true) !== CENTRAL.signature)
    throw invalid(file, "its directory is damaged", at);
  const nameEnd = at + CENTRAL.length + view.getUint16(at + 28, true);
  const next = nameEnd + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  if (next > end) throw invalid(file, "its directory is damaged", at);
  return {
    name: new TextDecoder().decode(bytes.subarray(at + CENTRAL.length, nameEnd)),
    encrypted: (view.getUint16(at + 8, true) & 1) === 1,
    method: view.getUint16(at + 10, true),
    crc: view.getUint32(at + 16, true),
    compressedSize: view.getUint32(at + 20, true),
    size: view.getUint32(at + 24, true),
    localAt: view.getUint32(at + 42, true),
    at,
    next,
  };
}

/** The entry of a record, its bytes found behind its local header, which must be of the same name. */
function locate(bytes: Uint8Array, view: DataView, record: Record, directory: number, file: string): ZipEntry {
  const { name, size, crc, method, encrypted, localAt, compressedSize } = record;
  const nameAt = localAt + LOCAL.length;
  if (nameAt > directory || view.getUint32(localAt, true) !== LOCAL.signature)
    throw invalid(file, `entry ${quote(name)} is not where the directory says`, localAt);
  const nameEnd = nameAt + view.getUint16(localAt + 26, true);
  const start = nameEnd + view.getUint16(localAt + 28, true);
  const end = start + compressedSize;
  if (end > directory) throw invalid(file, `entry ${quote(name)} is cut short`, start);
  if (new TextDecoder().decode(bytes.subarray(nameAt, nameEnd)) !== name)
    throw invalid(file, `another entry than ${quote(name)} is here`, localAt);
  const stored = method === STORED && !encrypted;
  const entry = { name, size, stored, start, end, crc };
  return { ...entry, read: () => readEntry(bytes.subarray(start, end), record, start, file) };
}

function checkOverlap(entries: readonly ZipEntry[], records: readonly Record[], file: string): void {
  const inOrder = entries.map((entry, i) => ({ ...entry, record: records[i]! })).sort((a, b) => a.start - b.start);
  for (const [i, { name, end, record }] of inOrder.entries())
    if (end > (inOrder[i + 1]?.record.localAt ?? end))
      throw invalid(file, `entry ${quote(name)} overlaps the next`, record.at);
}

function readEntry(
  raw: Uint8Array,
  { name, method, encrypted, size, crc }: Record,
  at: number,
  file: string,
): Uint8Array {
  if (encrypted) throw unsupported(file, `entry ${quote(name)} is encrypted`, { entry: name });
  if (method !== STORED && method !== DEFLATED)
    throw unsupported(file, `entry ${quote(name)} is compressed by method ${method}, not stored (0) or deflated (8)`, {
      entry: name,
      method,
    });
  const content = method === STORED ? raw : inflate(raw, size, file, name, at);
  if (content.length !== size || crc32(content) !== crc)
    throw invalid(file, `the checksum of entry ${quote(name)} does not fit its bytes`, at);
  return content;
}

/** The inflated bytes; one more than `size` where the data goes on. */
function inflate(raw: Uint8Array, size: number, file: string, name: string, at: number): Uint8Array {
  try {
    return inflateSync(raw, { out: new Uint8Array(size + 1) });
  } catch (cause) {
    throw invalid(file, `entry ${quote(name)} is damaged (${messageOf(cause)})`, at, cause);
  }
}

const invalid = (file: string, what: string, byte: number, cause?: unknown): PerturbError =>
  new PerturbError("invalid-file", `${file}, byte ${byte}: in this zip archive, ${what}. Get or save the file again.`, {
    data: { file, byte },
    cause,
  });

const unsupported = (file: string, what: string, data: object): PerturbError =>
  new PerturbError("unsupported", `${file}: in this zip archive, ${what}. Save it again, smaller or as a plain zip.`, {
    data: { file, ...data },
  });
