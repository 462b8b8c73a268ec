import { PerturbError } from "../../errors.ts";
import { quote } from "../../quote.ts";
import { ARRAY_OF, type ElementType, type TensorArrays } from "../../tensor.ts";

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A cursor over the bytes of an untrusted file: every read is checked against the bytes that are there. */
export class ByteReader {
  readonly file: string;
  readonly bytes: Uint8Array;
  /** Where reading must stop. */
  readonly end: number;
  position: number;
  readonly #view: DataView;

  constructor(file: string, bytes: Uint8Array, start = 0, end = bytes.length) {
    this.file = file;
    this.bytes = bytes;
    this.position = start;
    this.end = end;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.end - this.position;
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }
  u16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }
  i32(): number {
    return this.#view.getInt32(this.#advance(4), true);
  }
  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }
  /** A 64-bit count. Larger than any file can be: refused. */
  u64(): number {
    const at = this.position;
    const value = this.#view.getBigUint64(this.#advance(8), true);
    if (value > Number.MAX_SAFE_INTEGER) throw this.error(`a count of ${value} is more than any file holds.`, at);
    return Number(value);
  }
  /** A double, big-endian, as pickles hold it. */
  f64(): number {
    return this.#view.getFloat64(this.#advance(8), false);
  }

  /** A view of the next `count` bytes. */
  take(count: number): Uint8Array {
    const start = this.#advance(count);
    return this.bytes.subarray(start, start + count);
  }

  /** The next `count` bytes as text. */
  text(count: number): string {
    const at = this.position;
    try {
      return UTF8.decode(this.take(count));
    } catch (cause) {
      if (cause instanceof PerturbError) throw cause;
      throw this.error("text that is not UTF-8.", at);
    }
  }

  /** Text up to the next newline, which is skipped. */
  line(): string {
    const newline = this.bytes.indexOf(10, this.position);
    if (newline < 0 || newline >= this.end) throw this.error("a line of text does not end.");
    const line = this.text(newline - this.position);
    this.position++;
    return line;
  }

  /** An `invalid-file` error at byte `at`. */
  error(problem: string, at = this.position): PerturbError {
    return invalidFile(this.file, at, problem);
  }

  #advance(count: number): number {
    if (count > this.left) throw this.error(`${count} bytes are needed here, ${this.left} are left.`);
    const start = this.position;
    this.position += count;
    return start;
  }
}

/** An `invalid-file` error that says where. */
export function invalidFile(file: string, byte: number, problem: string): PerturbError {
  return new PerturbError(
    "invalid-file",
    `${file}, byte ${byte}: ${problem} The file is damaged, or not of this format: fetch or save it again.`,
    { data: { file, byte } },
  );
}

/** What an untrusted value is, in a few words. It never looks inside: that may be deep, or cyclic. */
export function describe(value: unknown): string {
  if (value === null) return "None";
  if (typeof value === "string") return quote(value);
  if (typeof value === "number" || typeof value === "bigint") return quote(`${value}`).slice(1, -1);
  if (Array.isArray(value)) return "a list";
  if (value instanceof Map) return "a dict";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** The product of `dims`, or undefined where one is no count or the product is above 2^53. */
export function elementCount(dims: readonly unknown[]): number | undefined {
  let count = 1;
  for (const dim of dims) {
    if (typeof dim !== "number" || !Number.isSafeInteger(dim) || dim < 0) return undefined;
    count *= dim;
    if (!Number.isSafeInteger(count)) return undefined;
  }
  return count;
}

/** Elements from their bytes, copied. `bytes.length` is a multiple of the element's size. */
export function decodeElements<T extends ElementType>(
  type: T,
  bytes: Uint8Array,
  littleEndian = true,
): TensorArrays[T] {
  const Elements = ARRAY_OF[type] as unknown as new (buffer: ArrayBuffer) => TensorArrays[T];
  const copy = new Uint8Array(bytes);
  if (littleEndian !== HOST_IS_LITTLE_ENDIAN) reverseEach(copy, ARRAY_OF[type].BYTES_PER_ELEMENT);
  return new Elements(copy.buffer);
}

/** The little-endian bytes of elements; may be a view of them. */
export function encodeElements(data: TensorArrays[ElementType]): Uint8Array {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return HOST_IS_LITTLE_ENDIAN ? bytes : reverseEach(new Uint8Array(bytes), data.BYTES_PER_ELEMENT);
}

const HOST_IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

function reverseEach(bytes: Uint8Array, size: number): Uint8Array {
  for (let i = 0; i < bytes.length; i += size) bytes.subarray(i, i + size).reverse();
  return bytes;
}
