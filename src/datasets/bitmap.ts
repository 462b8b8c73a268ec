import { PerturbError } from "../errors.ts";

/** An image as bytes: 1 channel is grey, 3 are RGB, side by side. */
export interface Bitmap {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
}

/** Whether bytes begin as a PGM, PPM or BMP file. */
export const isBitmap = ([a, b]: Uint8Array): boolean =>
  (a === 0x42 && b === 0x4d) || (a === 0x50 && b !== undefined && b >= 0x31 && b <= 0x36);

/**
 * Binary PGM (P5) and PPM (P6) of at most 8 bits, and BMP of 8 (with a palette), 24 or 32 bits without compression, as Pillow reads them.
 * @throws unsupported for their other kinds; invalid-file for damage; unsafe-file for more than `limit` pixels
 */
export function decodeBitmap(bytes: Uint8Array, name: string, limit: number): Bitmap {
  return bytes[0] === 0x42 ? decodeBmp(bytes, name, limit) : decodePnm(bytes, name, limit);
}

function decodePnm(bytes: Uint8Array, name: string, limit: number): Bitmap {
  const kind = bytes[1]! - 0x30;
  if (kind !== 5 && kind !== 6)
    throw unsupported(name, `a netpbm file of kind P${kind}; P5 (grey) and P6 (colour) are decoded`);
  // The head ends with the first white space after its third number.
  const head = String.fromCharCode(...bytes.subarray(2, 2 + LONGEST_HEAD));
  const match = /^(?:\s|#[^\n\r]*[\n\r])+(\d+)(?:\s|#[^\n\r]*[\n\r])+(\d+)(?:\s|#[^\n\r]*[\n\r])+(\d+)\s/.exec(head);
  if (!match) throw invalid(name, "its head has no width, height and largest value");
  const [width, height, most] = match.slice(1).map(Number) as [number, number, number];
  if (most < 1 || most > 255) throw unsupported(name, `a netpbm file of values up to ${most}; up to 255 are decoded`);
  const channels = kind === 5 ? 1 : 3;
  checkSize(name, width, height, limit);
  const from = 2 + match[0].length;
  const data = bytes.slice(from, from + width * height * channels);
  if (data.length < width * height * channels) throw invalid(name, "it is cut short");
  if (most < 255) for (let i = 0; i < data.length; i++) data[i] = Math.min(255, Math.round((data[i]! * 255) / most));
  return { width, height, channels, data };
}

/** Bytes of a netpbm head, comments included. */
const LONGEST_HEAD = 4096;
/** The masks of blue, green and red in 32 bits, as uncompressed files have them. */
const MASKS = [0x00ff0000, 0x0000ff00, 0x000000ff] as const;

function decodeBmp(bytes: Uint8Array, name: string, limit: number): Bitmap {
  if (bytes.length < 54) throw invalid(name, "it is cut short");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const start = view.getUint32(10, true);
  const info = view.getUint32(14, true);
  if (info < 40) throw unsupported(name, "a BMP file of OS/2; save it anew");
  const width = view.getInt32(18, true);
  const [signed, bits, compression] = [view.getInt32(22, true), view.getUint16(28, true), view.getUint32(30, true)];
  const height = Math.abs(signed);
  checkSize(name, width, height, limit);
  const plain =
    compression === 0 ||
    (compression === 3 &&
      bits === 32 &&
      bytes.length >= 66 &&
      MASKS.every((m, i) => view.getUint32(54 + 4 * i, true) === m));
  if (!plain || ![8, 24, 32].includes(bits))
    throw unsupported(
      name,
      `a BMP file of ${bits} bits and compression ${compression}; 8, 24 and 32 bits without are decoded`,
    );
  const step = bits / 8;
  const stride = Math.ceil((width * step) / 4) * 4;
  if (start < 14 + info || start + stride * height > bytes.length) throw invalid(name, "it is cut short");
  const palette = bits === 8 ? paletteOf(bytes, 14 + info, view.getUint32(46, true), start) : null;
  const grey = palette?.every(([r, g, b]) => r === g && g === b) ?? false;
  const channels = grey ? 1 : 3;
  const data = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y++) {
    // From the lowest row up, unless the height is negative.
    const row = start + stride * (signed > 0 ? height - 1 - y : y);
    for (let x = 0; x < width; x++) {
      const at = row + x * step;
      const [r, g, b] = palette ? (palette[bytes[at]!] ?? [0, 0, 0]) : [bytes[at + 2]!, bytes[at + 1]!, bytes[at]!];
      const to = (y * width + x) * channels;
      data[to] = r;
      if (!grey) [data[to + 1], data[to + 2]] = [g, b];
    }
  }
  return { width, height, channels, data };
}

/** The colours of a palette of `count` entries (none: 256), as far as they lie before `end`. */
function paletteOf(bytes: Uint8Array, from: number, count: number, end: number): [number, number, number][] {
  const entries = Math.max(0, Math.min(count === 0 ? 256 : count, 256, Math.floor((end - from) / 4)));
  return Array.from({ length: entries }, (_, k) => {
    const at = from + 4 * k;
    return [bytes[at + 2]!, bytes[at + 1]!, bytes[at]!];
  });
}

function checkSize(name: string, width: number, height: number, limit: number): void {
  if (width < 1 || height < 1) throw invalid(name, `it is ${width} × ${height} pixels`);
  if (width * height > limit)
    throw new PerturbError("unsafe-file", `${name} has more than ${limit} pixels, the most that are decoded.`, {
      data: { path: name, limit },
    });
}

const invalid = (name: string, why: string): PerturbError =>
  new PerturbError("invalid-file", `${name} is no readable image: ${why}. Repair or remove it.`, {
    data: { path: name },
  });

const unsupported = (name: string, what: string): PerturbError =>
  new PerturbError("unsupported", `${name} is ${what}. Convert it to PNG.`, { data: { path: name } });
