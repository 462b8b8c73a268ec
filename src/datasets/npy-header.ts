import { messageOf, PerturbError } from "../errors.ts";
import { bytesPerElement, type ElementType, product } from "../tensor.ts";
import { type PythonValue, parsePythonLiteral } from "./python-literal.ts";

/** What a .npy file declares (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html). */
export interface NpyHeader {
  readonly type: ElementType;
  readonly bigEndian: boolean;
  /** Column-major order: the first index varies fastest. */
  readonly fortran: boolean;
  readonly dims: readonly number[];
  /** Where the elements begin. */
  readonly dataOffset: number;
  /** Bytes of the elements. */
  readonly dataBytes: number;
}

/** The longest header read: 64 KiB, what version 1 can hold; a shape takes some hundred bytes. */
export const LONGEST_NPY_HEADER = 12 + 0xffff;

const MAGIC = "\x93NUMPY";
const MAX_RANK = 64;

/** Element types by numpy's letter and size in bytes. */
const TYPES: Readonly<Record<string, ElementType>> = {
  f2: "float16",
  f4: "float32",
  f8: "float64",
  i1: "int8",
  u1: "uint8",
  i2: "int16",
  u2: "uint16",
  i4: "int32",
  u4: "uint32",
  i8: "int64",
  u8: "uint64",
  b1: "bool",
};

/** Numpy's name of an element type, as in `descr`, little-endian; undefined for bfloat16, which numpy lacks. */
export function npyDescr(type: ElementType): string | undefined {
  const name = Object.keys(TYPES).find((key) => TYPES[key] === type);
  return name && (name.endsWith("1") ? `|${name}` : `<${name}`);
}

/** Whether the bytes begin as a .npy file. */
export function isNpy(bytes: Uint8Array): boolean {
  return String.fromCharCode(...bytes.subarray(0, 6)) === MAGIC;
}

/**
 * The header of a .npy file of version 1, 2 or 3, from bytes that hold at least all of it.
 * @throws invalid-file; unsupported for an element type without a tensor; unsafe-file for Python objects
 */
export function parseNpyHeader(bytes: Uint8Array, file: string): NpyHeader {
  const invalid: Invalid = (what, cause) =>
    new PerturbError("invalid-file", `${file} is no valid .npy file: ${what}`, { data: { file }, cause });
  if (!isNpy(bytes)) throw invalid("it does not begin with \\x93NUMPY.");
  const [major, minor] = bytes.subarray(6, 8);
  if (major === undefined || major < 1 || major > 3 || minor !== 0)
    throw invalid(`its version (byte 6) is ${major}.${minor}; 1.0, 2.0 and 3.0 are read.`);
  const start = major === 1 ? 10 : 12;
  if (bytes.length < start) throw invalid(`it ends at byte ${bytes.length}, inside its header.`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > LONGEST_NPY_HEADER - start)
    throw invalid(`its header declares ${length} bytes; at most ${LONGEST_NPY_HEADER - start} are read.`);
  if (bytes.length < start + length) throw invalid(`it ends at byte ${bytes.length}, inside its header.`);
  // Keys and types are ASCII in every version; other characters can only stand in field names, which are refused.
  const fields = parseFields(new TextDecoder("latin1").decode(bytes.subarray(start, start + length)), invalid);
  const { type, bigEndian } = parseDescr(fields.get("descr"), file, invalid);
  const fortran = fields.get("fortran_order");
  if (typeof fortran !== "boolean") throw invalid("fortran_order is neither True nor False.");
  const dims = fields.get("shape");
  if (!isShape(dims)) throw invalid("shape is no tuple of whole numbers.");
  const dataBytes = product(dims) * bytesPerElement(type);
  if (!Number.isSafeInteger(dataBytes)) throw invalid(`its shape (${dims}) is too large.`);
  return { type, bigEndian, fortran, dims, dataOffset: start + length, dataBytes };
}

type Invalid = (what: string, cause?: unknown) => PerturbError;

function parseFields(text: string, invalid: Invalid): ReadonlyMap<string, PythonValue> {
  try {
    const fields = parsePythonLiteral(text);
    if (fields instanceof Map) return fields;
  } catch (cause) {
    throw invalid(`its header is no Python literal: ${messageOf(cause)}.`, cause);
  }
  throw invalid("its header is no dict.");
}

function parseDescr(descr: PythonValue | undefined, file: string, invalid: Invalid) {
  if (descr === undefined) throw invalid("its header has no descr.");
  if (typeof descr === "string" && /^[<>|=]?O/.test(descr))
    throw new PerturbError(
      "unsafe-file",
      `${file} holds Python objects (${descr}), which only running its code could read. Save numbers: x.astype("float32").`,
      { data: { file, descr } },
    );
  const [, order, code] = (typeof descr === "string" && /^([<>|=]?)(\w+)$/.exec(descr)) || [];
  const type = code !== undefined && Object.hasOwn(TYPES, code) ? TYPES[code] : undefined;
  if (type === undefined)
    throw new PerturbError(
      "unsupported",
      `${file} has elements of type ${typeof descr === "string" ? descr : "with fields"}; ${Object.values(TYPES).join(", ")} are read.`,
      { data: { file, descr } },
    );
  return { type, bigEndian: order === ">" };
}

function isShape(value: PythonValue | undefined): value is readonly number[] {
  return Array.isArray(value) && value.length <= MAX_RANK && value.every((d) => Number.isSafeInteger(d));
}
