import { crc32 } from "../crc32.ts";
import { PerturbError } from "../errors.ts";
import { bytesPerElement, type ElementType, product, type Tensor } from "../tensor.ts";
import { npyPreamble } from "./npy.ts";

/** Where bytes go that are too many for memory, in any order: a file. */
export interface ByteSink {
  write(position: number, bytes: Uint8Array): Promise<void>;
  /** What was written there. */
  read(start: number, end: number): Promise<Uint8Array>;
}

/** The type and shape of an array, before its elements are known. */
export interface ArraySpec {
  readonly type: ElementType;
  readonly dims: readonly number[];
}

/** A .npz file that is written in pieces. */
export interface NpzStream<Name extends string> {
  /** Writes the rows of an array from `row` on; `t` holds them in its first axis. */
  write(name: Name, row: number, t: Tensor): Promise<void>;
  /** Completes the file: after this it is a .npz. */
  finish(): Promise<void>;
}

const LOCAL_LENGTH = 30;
const CENTRAL_LENGTH = 46;
const END_LENGTH = 22;
/** Positions and sizes have 32 bits. */
const LIMIT = 2 ** 32 - 1;
/** How much of the file is read at a time for its checksums. */
const PIECE = 1 << 20;

interface Entry {
  readonly name: Uint8Array;
  readonly at: number;
  readonly preamble: Uint8Array;
  readonly dataAt: number;
  readonly end: number;
  readonly rowBytes: number;
  readonly rows: number;
}

/**
 * A .npz of arrays whose shapes are known and whose rows come later, in any order, as numpy.savez would write it. Memory
 * does not grow with the arrays. All rows must have come before it is finished. @throws unsupported for more than 4 GiB
 */
export function createNpz<Name extends string>(
  arrays: Readonly<Record<Name, ArraySpec>>,
  sink: ByteSink,
): NpzStream<Name> {
  const entries = new Map<string, Entry>();
  let position = 0;
  for (const [key, { type, dims }] of Object.entries<ArraySpec>(arrays)) {
    const name = new TextEncoder().encode(`${key}.npy`);
    const preamble = npyPreamble(type, dims);
    const dataAt = position + LOCAL_LENGTH + name.length + preamble.length;
    const rowBytes = product(dims.slice(1)) * bytesPerElement(type);
    const end = dataAt + rowBytes * dims[0]!;
    entries.set(key, { name, at: position, preamble, dataAt, end, rowBytes, rows: dims[0]! });
    position = end;
  }
  if (position > LIMIT)
    throw new PerturbError(
      "unsupported",
      `The arrays take ${position} bytes, and a .npz holds ${LIMIT} at most. Write fewer samples or fewer ε at a time.`,
      {
        data: { bytes: position, limit: LIMIT },
      },
    );
  return {
    async write(name, row, t) {
      const { dataAt, rowBytes, rows } = entries.get(name)!;
      const { type, dims } = arrays[name];
      if (t.type !== type || String(t.dims.slice(1)) !== String(dims.slice(1)) || row + t.dims[0]! > rows)
        throw new PerturbError(
          "internal",
          `Rows ${row} … of ${t.type} [${t.dims}] do not fit the array ${name}: ${type} [${dims}].`,
        );
      await sink.write(dataAt + row * rowBytes, new Uint8Array(t.data.buffer, t.data.byteOffset, t.data.byteLength));
    },
    async finish() {
      const records: Uint8Array[] = [];
      for (const entry of entries.values()) {
        await sink.write(entry.at + LOCAL_LENGTH + entry.name.length, entry.preamble);
        const crc = await checksum(sink, entry.dataAt - entry.preamble.length, entry.end);
        await sink.write(entry.at, localHeader(entry, crc));
        records.push(centralHeader(entry, crc));
      }
      let at = position;
      for (const record of records) {
        await sink.write(at, record);
        at += record.length;
      }
      await sink.write(at, endRecord(entries.size, position, at - position));
    },
  };
}

async function checksum(sink: ByteSink, start: number, end: number): Promise<number> {
  let crc = 0;
  for (let at = start; at < end; at += PIECE) crc = crc32(await sink.read(at, Math.min(end, at + PIECE)), crc);
  return crc;
}

/** The fields that both headers share, from "version needed" on; 1980-01-01, so that equal arrays give equal bytes. */
function sharedFields(view: DataView, at: number, { name, preamble, dataAt, end }: Entry, crc: number): void {
  const size = end - dataAt + preamble.length;
  view.setUint16(at, 20, true);
  view.setUint16(at + 8, 0x21, true);
  view.setUint32(at + 10, crc, true);
  view.setUint32(at + 14, size, true);
  view.setUint32(at + 18, size, true);
  view.setUint16(at + 22, name.length, true);
}

function localHeader(entry: Entry, crc: number): Uint8Array {
  const bytes = new Uint8Array(LOCAL_LENGTH + entry.name.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x04034b50, true);
  sharedFields(view, 4, entry, crc);
  bytes.set(entry.name, LOCAL_LENGTH);
  return bytes;
}

function centralHeader(entry: Entry, crc: number): Uint8Array {
  const bytes = new Uint8Array(CENTRAL_LENGTH + entry.name.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x02014b50, true);
  view.setUint16(4, 20, true);
  sharedFields(view, 6, entry, crc);
  view.setUint32(42, entry.at, true);
  bytes.set(entry.name, CENTRAL_LENGTH);
  return bytes;
}

function endRecord(count: number, start: number, size: number): Uint8Array {
  const bytes = new Uint8Array(END_LENGTH);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x06054b50, true);
  view.setUint16(8, count, true);
  view.setUint16(10, count, true);
  view.setUint32(12, size, true);
  view.setUint32(16, start, true);
  return bytes;
}
