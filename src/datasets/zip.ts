import { inflateSync } from "fflate";
import { crc32 } from "../crc32.ts";
import { messageOf, PerturbError } from "../errors.ts";
import { DEFLATE_LIMIT } from "./reader.ts";

/** A file in a zip archive. Its name is a label, never a path. */
export interface ZipEntry {
  readonly name: string;
  /** Bytes of its content. */
  readonly size: number;
  /** The content, checked against its size and CRC-32. @throws invalid-file */
  read(): Uint8Array;
}

/** All content of an archive together: what memory can be asked for by a small file. */
const MAX_CONTENT = 2 ** 31;

const END = { signature: 0x06054b50, length: 22 };
const CENTRAL = { signature: 0x02014b50, length: 46 };
const LOCAL = { signature: 0x04034b50, length: 30 };
const STORED = 0;
const DEFLATED = 8;

/**
 * The files in a zip archive (PKWARE APPNOTE 6.3), stored or deflated, from its central directory.
 * @throws invalid-file; unsupported for encryption, other methods and zip64; unsafe-file for more content than allowed
 */
export function openZip(bytes: Uint8Array, file: string): readonly ZipEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = findEnd(view, file);
  const count = view.getUint16(end + 10, true);
  let position = view.getUint32(end + 16, true);
  if (count === 0xffff || position === 0xffffffff) throw unsupported(file, "is a zip64 archive", { count });
  const entries: ZipEntry[] = [];
  const names = new Set<string>();
  let compressed = 0;
  let content = 0;
  for (let i = 0; i < count; i++) {
    const record = readRecord(bytes, view, position, end, file);
    position = record.next;
    compressed += record.compressedSize;
    content += record.size;
    if (names.has(record.name)) throw invalid(file, `it holds ${record.name} twice`, position);
    // Entries that overlap could multiply a small archive without end.
    if (compressed > bytes.length || record.size > record.compressedSize * DEFLATE_LIMIT || content > MAX_CONTENT)
      throw new PerturbError(
        "unsafe-file",
        `${file}: its entries up to ${record.name} declare ${content} bytes out of ${compressed} compressed ones; the archive has ${bytes.length}, and ${MAX_CONTENT} are read at most.`,
        { data: { file, entry: record.name, content, compressed, limit: MAX_CONTENT } },
      );
    names.add(record.name);
    entries.push({ name: record.name, size: record.size, read: () => readEntry(bytes, view, record, file) });
  }
  return entries;
}

interface Record {
  readonly name: string;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly compressedSize: number;
  readonly size: number;
  /** Where its local header begins. */
  readonly offset: number;
  /** Where the next record begins. */
  readonly next: number;
}

function readRecord(bytes: Uint8Array, view: DataView, at: number, end: number, file: string): Record {
  if (at + CENTRAL.length > end || view.getUint32(at, true) !== CENTRAL.signature)
    throw invalid(file, "its directory is damaged", at);
  const nameEnd = at + CENTRAL.length + view.getUint16(at + 28, true);
  const next = nameEnd + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  if (next > end) throw invalid(file, "its directory is damaged", at);
  return {
    name: new TextDecoder().decode(bytes.subarray(at + CENTRAL.length, nameEnd)),
    flags: view.getUint16(at + 8, true),
    method: view.getUint16(at + 10, true),
    crc: view.getUint32(at + 16, true),
    compressedSize: view.getUint32(at + 20, true),
    size: view.getUint32(at + 24, true),
    offset: view.getUint32(at + 42, true),
    next,
  };
}

function readEntry(bytes: Uint8Array, view: DataView, record: Record, file: string): Uint8Array {
  const { name, flags, method, compressedSize, size, offset, crc } = record;
  if (flags & 1) throw unsupported(file, `holds ${name} encrypted`, { entry: name });
  if (method !== STORED && method !== DEFLATED)
    throw unsupported(file, `holds ${name} compressed by method ${method}, not stored (0) or deflated (8)`, {
      entry: name,
      method,
    });
  if (offset + LOCAL.length > bytes.length || view.getUint32(offset, true) !== LOCAL.signature)
    throw invalid(file, `${name} is not where the directory says`, offset);
  const start = offset + LOCAL.length + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
  if (start + compressedSize > bytes.length) throw invalid(file, `${name} is cut short`, start);
  const raw = bytes.subarray(start, start + compressedSize);
  const content = method === STORED ? raw : inflate(raw, size, file, name, start);
  if (content.length !== size || crc32(content) !== crc) throw invalid(file, `${name} is damaged`, start);
  return content;
}

/** The inflated bytes; one more than `size` where the data goes on. */
function inflate(raw: Uint8Array, size: number, file: string, name: string, at: number): Uint8Array {
  try {
    return inflateSync(raw, { out: new Uint8Array(size + 1) });
  } catch (cause) {
    throw invalid(file, `${name} is damaged (${messageOf(cause)})`, at, cause);
  }
}

/** Where the end record begins: it is last, but for a comment of up to 65,535 bytes. */
function findEnd(view: DataView, file: string): number {
  const last = view.byteLength - END.length;
  for (let at = last; at >= Math.max(0, last - 0xffff); at--)
    if (
      view.getUint32(at, true) === END.signature &&
      at + END.length + view.getUint16(at + 20, true) === view.byteLength
    )
      return at;
  throw invalid(file, "it has no end record; it may be cut short", view.byteLength);
}

function invalid(file: string, what: string, offset: number, cause?: unknown): PerturbError {
  return new PerturbError(
    "invalid-file",
    `${file} is no valid zip archive: ${what} (byte ${offset}). Get the file again.`,
    {
      data: { file, offset },
      cause,
    },
  );
}

function unsupported(file: string, what: string, data: object): PerturbError {
  return new PerturbError("unsupported", `${file} ${what}. Save it again as a plain .npz or zip below 4 GiB.`, {
    data: { file, ...data },
  });
}
