import { PerturbError } from "../../errors.ts";
import { quote } from "../../quote.ts";
import { bytesPerElement, type ElementType, type Tensor } from "../../tensor.ts";
import { decodeElements, describe, elementCount, encodeElements, invalidFile } from "./binary.ts";
import { MAX_HEADER_BYTES, readHeader } from "./safetensors/header.ts";
import type { StateDict, WeightFormat } from "./state-dict.ts";

const DTYPE_OF: Readonly<Record<ElementType, string>> = {
  float64: "F64",
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  int64: "I64",
  int32: "I32",
  int16: "I16",
  int8: "I8",
  uint64: "U64",
  uint32: "U32",
  uint16: "U16",
  uint8: "U8",
  bool: "BOOL",
};
const TYPE_OF = new Map(Object.entries(DTYPE_OF).map(([type, dtype]) => [dtype, type as ElementType]));
const METADATA = "__metadata__";

interface Entry {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly number[];
  /** From the end of the header. */
  readonly start: number;
  readonly end: number;
}

/**
 * The tensors of a safetensors file, in the order of their data, copied. Its metadata is checked and left.
 * Format: https://github.com/huggingface/safetensors#format
 * @throws invalid-file (a header that is none, data that overlap, have holes or do not fit their shapes), unsupported
 */
export function readSafetensors(bytes: Uint8Array, file: string): StateDict {
  const { header, dataStart } = readHeader(bytes, file);
  const entries: Entry[] = [];
  for (const [name, value] of header) {
    if (name === METADATA) checkMetadata(value, file);
    else entries.push(parseEntry(name, value, file));
  }
  entries.sort((a, b) => a.start - b.start || a.end - b.end);
  checkLayout(entries, bytes.length - dataStart, dataStart, file);
  return new Map(
    entries.map(({ name, type, dims, start, end }): [string, Tensor] => [
      name,
      { type, dims, data: decodeElements(type, bytes.subarray(dataStart + start, dataStart + end)) },
    ]),
  );
}

function checkMetadata(value: unknown, file: string): Readonly<Record<string, string>> {
  if (!isRecord(value) || Object.values(value).some((text) => typeof text !== "string"))
    throw invalidFile(file, 8, `${METADATA} is not an object of texts.`);
  return value as Record<string, string>;
}

/** The texts that a safetensors file carries beside its tensors; empty where it has none. @throws invalid-file */
export function readMetadata(bytes: Uint8Array, file: string): Readonly<Record<string, string>> {
  const value = readHeader(bytes, file).header.get(METADATA);
  return value === undefined ? {} : checkMetadata(value, file);
}

function parseEntry(name: string, value: unknown, file: string): Entry {
  const fail = (problem: string) => invalidFile(file, 8, `tensor ${quote(name)} ${problem}`);
  if (!isRecord(value)) throw fail("is not an object.");
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string") throw fail("has no dtype.");
  const type = TYPE_OF.get(dtype);
  if (type === undefined)
    throw new PerturbError(
      "unsupported",
      `${file}: tensor ${quote(name)} has the dtype ${quote(dtype)}; ${[...TYPE_OF.keys()].join(", ")} are read. Convert it before saving: tensor.float().`,
      { data: { file, tensor: name, dtype } },
    );
  const size = Array.isArray(shape) ? elementCount(shape) : undefined;
  if (size === undefined) throw fail("has no shape: a list of counts whose product is below 2^53.");
  if (!Array.isArray(offsets) || offsets.length !== 2 || elementCount(offsets.slice(0, 1)) === undefined)
    throw fail("has no data_offsets: two counts.");
  const [start, end] = offsets as [number, number];
  if (end !== start + size * bytesPerElement(type))
    throw fail(
      `has its data at ${describe(start)} to ${describe(end)}; ${dtype} of shape [${(shape as number[]).slice(0, 64)}] takes ${size * bytesPerElement(type)} bytes.`,
    );
  return { name, type, dims: shape as number[], start, end };
}

/** The data of the tensors must cover all that follows the header, once. */
function checkLayout(sorted: readonly Entry[], dataLength: number, dataStart: number, file: string): void {
  let position = 0;
  for (const { name, start, end } of sorted) {
    if (start !== position)
      throw invalidFile(
        file,
        dataStart + Math.min(start, position),
        `tensor ${quote(name)} begins at ${start} of the data instead of ${position}: ${start < position ? "an overlap" : "a hole"}.`,
      );
    position = end;
  }
  if (position !== dataLength)
    throw invalidFile(
      file,
      dataStart + Math.min(position, dataLength),
      `the data has ${dataLength} bytes, its tensors ${position}.`,
    );
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * The bytes of a safetensors file. Wide elements come first, so that each tensor is aligned to its own.
 * @throws usage for a tensor named `__metadata__`, a header above 100 MB, or data that do not fit the shape
 */
export function writeSafetensors(dict: StateDict, metadata?: Readonly<Record<string, string>>): Uint8Array {
  const tensors = [...dict].sort(([, a], [, b]) => bytesPerElement(b.type) - bytesPerElement(a.type));
  const entries: [string, unknown][] = metadata === undefined ? [] : [[METADATA, metadata]];
  let length = 0;
  for (const [name, { type, dims, data }] of tensors) {
    if (name === METADATA)
      throw new PerturbError("usage", `A tensor cannot be named ${METADATA} in safetensors. Rename it.`);
    if (elementCount(dims) !== data.length)
      throw new PerturbError("mismatch", `Tensor ${quote(name)} of shape [${dims}] has ${data.length} elements.`);
    entries.push([name, { dtype: DTYPE_OF[type], shape: dims, data_offsets: [length, length + data.byteLength] }]);
    length += data.byteLength;
  }

  const json = new TextEncoder().encode(
    `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(",")}}`,
  );
  const headerLength = Math.ceil(json.length / 8) * 8;
  if (headerLength > MAX_HEADER_BYTES)
    throw new PerturbError(
      "usage",
      `The header would take ${headerLength} bytes; at most ${MAX_HEADER_BYTES} are written. Write fewer tensors.`,
    );
  const bytes = new Uint8Array(8 + headerLength + length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true);
  bytes.fill(0x20, 8, 8 + headerLength).set(json, 8);
  let at = 8 + headerLength;
  for (const [, { data }] of tensors) {
    bytes.set(encodeElements(data), at);
    at += data.byteLength;
  }
  return bytes;
}

export const safetensors: WeightFormat = {
  name: "safetensors",
  matches: (bytes) => bytes.length >= 10 && bytes[8] === 0x7b && bytes.subarray(4, 8).every((byte) => byte === 0),
  read: readSafetensors,
};
