import { zlibSync } from "fflate";
import { crc32 } from "../../crc32.ts";
import { toBase64 } from "./base64.ts";
import type { Pixels } from "./picture.ts";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const SMALL = 4096;

/** Pixels as PNG (ISO/IEC 15948), 8 bits a channel, without filters: the same bytes on every machine. */
export function encodePng({ width, height, channels, data }: Pixels): Uint8Array {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, channels === 3 ? 2 : 0], 8);

  const stride = width * channels;
  const rows = new Uint8Array(height * (1 + stride));
  // To deflate what is so small takes longer than it saves.
  const level = rows.length < SMALL ? 0 : 6;
  for (let y = 0; y < height; y++) rows.set(data.subarray(y * stride, (y + 1) * stride), y * (1 + stride) + 1);

  return concatenate([
    Uint8Array.from(SIGNATURE),
    chunk("IHDR", header),
    chunk("IDAT", zlibSync(rows, { level })),
    chunk("IEND", new Uint8Array()),
  ]);
}

/** Bytes as a data: URI. */
export const pngUri = (png: Uint8Array): string => `data:image/png;base64,${toBase64(png)}`;

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(type), 4);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
