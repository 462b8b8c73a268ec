import { type ByteSource, bytesSource, type Dataset } from "../dataset.ts";
import { PerturbError } from "../errors.ts";
import { product } from "../tensor.ts";
import { checkSha256 } from "./checksum.ts";
import { checkCount, checkLabels } from "./labels.ts";
import { imageShape, toPixels } from "./pixels.ts";
import { checkContentSize, openReader, oversized, readHead, truncated } from "./reader.ts";
import { recordDataset, requireSamples } from "./records.ts";

/** The head of an IDX file (LeCun, http://yann.lecun.com/exdb/mnist/): two zeros, element type, rank, big-endian sizes. */
export interface IdxHeader {
  readonly dims: readonly number[];
  /** Where the elements begin. */
  readonly dataOffset: number;
}

export interface IdxOptions {
  readonly name: string;
  /** Unsigned bytes [N, H, W], [N, C, H, W] or [N, features], plain or gzip. */
  readonly images: ByteSource;
  /** Unsigned bytes [N], plain or gzip. */
  readonly labels: ByteSource;
  /** By default as many as `classNames`, else the largest label + 1. */
  readonly classes?: number | undefined;
  readonly classNames?: readonly string[] | undefined;
  /** SHA-256 of each file's content, decompressed. The files are then read into memory and checked. */
  readonly sha256?: { readonly images: string; readonly labels: string } | undefined;
}

/**
 * Images and labels in two IDX files, the format of MNIST. Pixels are bytes / 255.
 * Images are streamed: memory is one byte a label, and one batch.
 * @throws invalid-file, unsafe-file, unsupported, mismatch, checksum
 */
export async function openIdx(options: IdxOptions): Promise<Dataset> {
  const { name, classNames, sha256 } = options;
  const images = await openIdxFile(options.images, sha256?.images);
  const { dims, dataOffset } = images.header;
  if (dims.length < 2)
    throw wrongRank(images.source.name, dims, "images have a rank of at least 2. Are images and labels swapped?");
  const labels = await readIdxLabels(options.labels, sha256?.labels);
  checkCount(images.source.name, dims[0]!, options.labels.name, labels.length);
  return recordDataset({
    name,
    shape: imageShape(dims),
    labels,
    classes: checkLabels(labels, options.labels.name, options.classes ?? classNames?.length),
    classNames,
    mixed: true,
    file: images.source.name,
    start: dataOffset,
    bytesPerSample: product(dims.slice(1)),
    open: () => openReader(images.source),
    pixels: "picture",
    decode: toPixels,
  });
}

/**
 * The head of an IDX file of unsigned bytes, from bytes that hold at least all of it.
 * @throws invalid-file, or unsupported for another element type
 */
export function parseIdxHeader(bytes: Uint8Array, file: string): IdxHeader {
  const [zero1, zero2, type, rank] = bytes;
  if (bytes.length < 4) throw truncated(file, 4, bytes.length);
  if (zero1 !== 0 || zero2 !== 0 || rank === 0 || !(type! in ELEMENT_TYPES))
    throw new PerturbError(
      "invalid-file",
      `${file} is no IDX file: it begins with 0x${hex(bytes.subarray(0, 4))}, not 0x00000803 (images) or 0x00000801 (labels).`,
      { data: { file, got: hex(bytes.subarray(0, 4)) } },
    );
  if (type !== UNSIGNED_BYTE)
    throw new PerturbError(
      "unsupported",
      `${file} holds ${ELEMENT_TYPES[type!]} elements (type 0x${hex([type!])}, byte 2); only unsigned bytes (0x08) are read. Convert it to .npy.`,
      { data: { file, type: ELEMENT_TYPES[type!] } },
    );
  const dataOffset = 4 + 4 * rank!;
  if (bytes.length < dataOffset) throw truncated(file, dataOffset, bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return { dims: Array.from({ length: rank! }, (_, axis) => view.getUint32(4 + 4 * axis)), dataOffset };
}

const UNSIGNED_BYTE = 0x08;
const ELEMENT_TYPES: Readonly<Record<number, string>> = {
  [UNSIGNED_BYTE]: "uint8",
  9: "int8",
  11: "int16",
  12: "int32",
  13: "float32",
  14: "float64",
};
const LONGEST_HEADER = 4 + 4 * 255;

const hex = (bytes: Iterable<number>): string => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");

/** The header, and a source of the content: as it is, or verified and in memory where a hash is given. */
async function openIdxFile(source: ByteSource, hash?: string): Promise<{ source: ByteSource; header: IdxHeader }> {
  const header = parseIdxHeader(await readHead(source, LONGEST_HEADER), source.name);
  requireSamples(source.name, header.dims);
  const size = header.dataOffset + product(header.dims);
  await checkContentSize(source, size);
  if (hash === undefined) return { source, header };
  const content = await readContent(source, size);
  await checkSha256(source.name, content, hash);
  return { source: bytesSource(source.name, content), header };
}

async function readIdxLabels(source: ByteSource, hash?: string): Promise<Uint8Array> {
  const file = await openIdxFile(source, hash);
  const { dims, dataOffset } = file.header;
  if (dims.length !== 1) throw wrongRank(source.name, dims, "labels have rank 1. Are images and labels swapped?");
  return (await readContent(file.source, dataOffset + dims[0]!)).subarray(dataOffset);
}

async function readContent(source: ByteSource, size: number): Promise<Uint8Array> {
  const content = await readHead(source, size + 1);
  if (content.length < size) throw truncated(source.name, size, content.length);
  if (content.length > size) throw oversized(source.name, size);
  return content;
}

function wrongRank(file: string, dims: readonly number[], allowed: string): PerturbError {
  return new PerturbError("invalid-file", `${file} has rank ${dims.length} (shape [${dims}]); ${allowed}`, {
    data: { file, shape: dims },
  });
}
