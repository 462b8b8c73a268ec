import { Gunzip } from "fflate";
import { crc32 } from "../crc32.ts";
import type { ByteSource } from "../dataset.ts";
import { messageOf, PerturbError } from "../errors.ts";
import { DEFLATE_LIMIT, mostContent } from "../zip.ts";

/** The content of a file, read forward: each read begins at or after the end of the last. */
export interface Reader {
  /** Bytes `start` up to (not including) `end` of the content; fewer where it ends. @throws invalid-file */
  read(start: number, end: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Compressed bytes inflated at a time: their content stays below this times DEFLATE_LIMIT, 33 MB. */
const PIECE = 1 << 15;

/** Whether the source holds gzip data (RFC 1952), by its first bytes. */
async function isGzip(source: ByteSource): Promise<boolean> {
  const [id1, id2, method] = await source.read(0, 3);
  return id1 === 0x1f && id2 === 0x8b && method === 8;
}

/** A reader of the source's bytes, decompressed where they are gzip. */
export async function openReader(source: ByteSource): Promise<Reader> {
  return (await isGzip(source)) ? gzipReader(source) : plainReader(source);
}

/** A reader of the source's bytes as they are. */
export function plainReader(source: ByteSource): Reader {
  return { read: (start, end) => source.read(start, Math.min(end, source.size)), close: async () => {} };
}

/** The bytes up to `end`, opened and closed: a header, or a whole small file. */
export async function readHead(source: ByteSource, end: number): Promise<Uint8Array> {
  const reader = await openReader(source);
  try {
    return await reader.read(0, end);
  } finally {
    await reader.close();
  }
}

function gzipReader(source: ByteSource): Reader {
  const chunks = gunzip(source);
  let chunk: Uint8Array = new Uint8Array(0);
  let position = 0;
  const advance = async (): Promise<boolean> => {
    const next = await chunks.next();
    if (!next.done) chunk = next.value;
    return !next.done;
  };
  const take = (count: number): Uint8Array => {
    const taken = chunk.subarray(0, count);
    chunk = chunk.subarray(taken.length);
    position += taken.length;
    return taken;
  };
  const read = async (start: number, end: number): Promise<Uint8Array> => {
    if (start < position) throw new PerturbError("internal", `A forward reader at ${position} was asked for ${start}.`);
    const bytes = new Uint8Array(end - start);
    let filled = 0;
    while (position < end && (chunk.length > 0 || (await advance()))) {
      if (position < start) {
        take(start - position);
        continue;
      }
      const taken = take(end - position);
      bytes.set(taken, filled);
      filled += taken.length;
    }
    return bytes.subarray(0, filled);
  };
  return { read, close: async () => void (await chunks.return()) };
}

/**
 * The content of a gzip file of one member, in pieces. Not DecompressionStream, for Node reads ahead of its consumer
 * there without bound, while a piece inflated on demand gives what it gives.
 */
async function* gunzip(source: ByteSource): AsyncGenerator<Uint8Array, void> {
  let chunks: Uint8Array[] = [];
  let crc = 0;
  const inflater = new Gunzip((chunk) => chunks.push(chunk));
  for (let start = 0; start < source.size; start += PIECE) {
    const end = Math.min(start + PIECE, source.size);
    const piece = await source.read(start, end);
    try {
      inflater.push(piece, end === source.size);
    } catch (cause) {
      throw damagedGzip(source, messageOf(cause), cause);
    }
    for (const chunk of chunks) {
      crc = crc32(chunk, crc);
      yield chunk;
    }
    chunks = [];
  }
  if (crc !== (await gzipTrailer(source)).crc) throw damagedGzip(source, "its checksum differs");
}

function damagedGzip(source: ByteSource, what: string, cause?: unknown): PerturbError {
  return new PerturbError(
    "invalid-file",
    `${source.name}: its gzip data is damaged or cut short (${what}). Get the file again.`,
    { cause, data: { file: source.name, compressedBytes: source.size } },
  );
}

/**
 * Holds the size that a header declares against the bytes that are there, before anything of that size is allocated.
 * @throws invalid-file when they differ; unsafe-file when so much cannot come out of so few compressed bytes
 */
export async function checkContentSize(source: ByteSource, declared: number): Promise<void> {
  if (!(await isGzip(source))) {
    if (source.size < declared) throw truncated(source.name, declared, source.size);
    if (source.size > declared) throw oversized(source.name, declared, source.size);
    return;
  }
  if (declared > source.size * DEFLATE_LIMIT)
    throw new PerturbError(
      "unsafe-file",
      `${source.name} declares ${declared} bytes, more than its ${source.size} bytes of gzip data can hold.`,
      { data: { file: source.name, declared, compressedBytes: source.size } },
    );
  if (declared > mostContent(source.size))
    throw new PerturbError(
      "unsafe-file",
      `${source.name} declares ${declared} bytes out of ${source.size} of gzip data; ${mostContent(source.size)} are read at most of so few. If it is your own, unpack it with gunzip.`,
      { data: { file: source.name, declared, compressedBytes: source.size } },
    );
  const { size: recorded } = await gzipTrailer(source);
  if (recorded !== declared % 2 ** 32)
    throw new PerturbError(
      "invalid-file",
      `${source.name} is damaged, cut short, or followed by other bytes: its header asks for ${declared} bytes, its gzip trailer records ${recorded}. Get the file again.`,
      { data: { file: source.name, expected: declared, got: recorded } },
    );
}

/** The last fields of a gzip file: CRC-32 of its content, and its size modulo 2^32 (RFC 1952 §2.3.1). */
async function gzipTrailer(source: ByteSource): Promise<{ readonly crc: number; readonly size: number }> {
  const tail = await source.read(Math.max(0, source.size - 8), source.size);
  if (tail.length < 8) throw damagedGzip(source, "it has no trailer");
  const view = new DataView(tail.buffer, tail.byteOffset, tail.length);
  return { crc: view.getUint32(0, true), size: view.getUint32(4, true) };
}

/** A file that ends at byte `got` and not at `expected`. */
export function truncated(file: string, expected: number, got: number): PerturbError {
  return new PerturbError(
    "invalid-file",
    `${file} is cut short: its header asks for ${expected} bytes, and it ends at byte ${got}. Get the file again.`,
    { data: { file, expected, got } },
  );
}

/** A file that goes on after byte `expected`. */
export function oversized(file: string, expected: number, got?: number): PerturbError {
  return new PerturbError(
    "invalid-file",
    `${file} is longer than its header says: it should end at byte ${expected}${got === undefined ? ", and goes on" : `, and has ${got} bytes`}. Get the file again.`,
    { data: { file, expected, ...(got !== undefined && { got }) } },
  );
}
