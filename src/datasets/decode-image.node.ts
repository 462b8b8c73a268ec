import type { Metadata, Sharp } from "sharp";
import { messageOf, PerturbError } from "../errors.ts";
import { option } from "../option.ts";
import { type Bitmap, decodeBitmap, isBitmap } from "./bitmap.ts";
import { fileSource } from "./files.node.ts";
import { inTurn } from "./in-turn.ts";

/** [channels, height, width]; 1 channel is grey, 3 are RGB. */
export type ImageShape = readonly [number, number, number];

/** Width × height of the largest image that is decoded: 8192 × 8192. */
const MAX_PIXELS = 2 ** 26;

/** Of the largest bitmap, with its head. */
const MOST_BYTES = 4 * MAX_PIXELS + 2 ** 16;

const FORMATS = new Set(["png", "jpeg", "webp", "gif", "tiff"]);

/** The shape that the image in a file has by itself: grey images have one channel, all others three. @throws as decodeImage */
export async function readImageShape(path: string): Promise<ImageShape> {
  const { metadata } = await openImage(path);
  return [(metadata.channels ?? 3) <= 2 ? 1 : 3, metadata.height, metadata.width];
}

/**
 * The bytes [channels, height, width] of an image: its first frame, without alpha, orientation tag or colour profile
 * applied, CMYK by plain arithmetic, and grey by ITU-R 601 luma, all as Pillow's convert("RGB") and convert("L"). `resize`
 * stretches by Lanczos-3.
 * @throws invalid-file for damage; unsafe-file for too many pixels; unsupported; mismatch for another size without `resize`
 */
export async function decodeImage(path: string, shape: ImageShape, resize: boolean): Promise<Uint8Array> {
  const [channels, height, width] = shape;
  const { image, metadata } = await openImage(path);
  if (!resize && (metadata.width !== width || metadata.height !== height))
    throw new PerturbError(
      "mismatch",
      `${path} is ${metadata.width} × ${metadata.height} pixels, not ${width} × ${height}. Have the images resized and cropped as the model's own pipeline does: ${option("preprocessing.resize")} and ${option("preprocessing.crop")}, or ${option("preprocessing")} for all of it.`,
      { data: { path, got: [metadata.height, metadata.width], expected: [height, width] } },
    );
  const { data: pixels, ...size } = await pixelsOf(path, { image, metadata }, channels);
  return planesOf(resize ? await stretch(path, pixels, size, shape) : pixels, channels);
}

/** The bytes of an image at its own size, channels last. */
export interface DecodedPixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** An image as `decodeImage` decodes it, at its own size. @throws as it does */
export async function decodePixels(path: string, channels: number): Promise<DecodedPixels> {
  return pixelsOf(path, await openImage(path), channels);
}

interface Opened {
  readonly image: Sharp;
  readonly metadata: Metadata;
}

async function pixelsOf(path: string, { image, metadata }: Opened, channels: number): Promise<DecodedPixels> {
  const isInk = metadata.space === "cmyk";
  const asIs = isInk ? image.pipelineColourspace("cmyk").toColourspace("cmyk") : image.toColourspace("srgb");
  const decode = () => asIs.removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const { data, info } = await inTurn(metadata.width * metadata.height, () => guard(path, decode));
  if (isInk && info.channels !== 4)
    throw new PerturbError(
      "unsupported",
      `${path} is CMYK with ${info.channels} channels, and only those of the four inks are read. Convert it to RGB.`,
      { data: { path, channels: info.channels } },
    );
  const rgb = isInk ? rgbOfInk(data) : data;
  return { width: info.width, height: info.height, data: channels === 1 ? luma(rgb) : rgb };
}

async function openImage(path: string): Promise<Opened> {
  const sharp = await importSharp();
  const bitmap = await readBitmap(path);
  if (bitmap) {
    const raw = sharp(bitmap.data, { raw: bitmap });
    return { image: raw, metadata: await raw.metadata() };
  }
  const image = sharp(path, { limitInputPixels: MAX_PIXELS, failOn: "error", ignoreIcc: true });
  const metadata = await guard(path, () => image.metadata());
  if (!FORMATS.has(metadata.format))
    throw new PerturbError(
      "unsupported",
      `${path} is ${metadata.format}; ${[...FORMATS].join(", ")} are read. Convert it.`,
      {
        data: { path, format: metadata.format },
      },
    );
  if (metadata.width * metadata.height > MAX_PIXELS) throw tooLarge(path);
  return { image, metadata };
}

/** The formats that sharp lacks, by their first bytes; undefined for all others. */
async function readBitmap(path: string): Promise<Bitmap | undefined> {
  if (!/\.(ppm|pgm|bmp)$/i.test(path)) return undefined;
  const source = await fileSource(path);
  if (!isBitmap(await source.read(0, 2))) return undefined;
  return decodeBitmap(await source.read(0, Math.min(source.size, MOST_BYTES)), path, MAX_PIXELS);
}

async function importSharp() {
  try {
    return (await import("sharp")).default;
  } catch (cause) {
    throw new PerturbError(
      "unsupported",
      "Reading image files needs the package sharp. Install it: npm install sharp.",
      {
        cause,
      },
    );
  }
}

async function guard<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (/pixel limit/i.test(messageOf(cause))) throw tooLarge(path, cause);
    throw new PerturbError("invalid-file", `${path} is no readable image: ${messageOf(cause)}. Repair or remove it.`, {
      cause,
      data: { path },
    });
  }
}

function tooLarge(path: string, cause?: unknown): PerturbError {
  return new PerturbError("unsafe-file", `${path} has more than ${MAX_PIXELS} pixels, the most that are decoded.`, {
    cause,
    data: { path, limit: MAX_PIXELS },
  });
}

/** CMYK to RGB in integers as Pillow: what black leaves, less the share of each ink. */
function rgbOfInk(inks: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((inks.length / 4) * 3);
  for (let i = 0; i < inks.length / 4; i++) {
    const light = 255 - inks[4 * i + 3]!;
    for (let c = 0; c < 3; c++) {
      const product = inks[4 * i + c]! * light + 0x80;
      rgb[3 * i + c] = light - (((product >> 8) + product) >> 8);
    }
  }
  return rgb;
}

/** RGB to grey in integers as Pillow: (19595 R + 38470 G + 7471 B + 2^15) / 2^16. */
function luma(rgb: Uint8Array): Uint8Array {
  const grey = new Uint8Array(rgb.length / 3);
  for (let i = 0; i < grey.length; i++)
    grey[i] = (rgb[3 * i]! * 19595 + rgb[3 * i + 1]! * 38470 + rgb[3 * i + 2]! * 7471 + 0x8000) >> 16;
  return grey;
}

async function stretch(
  path: string,
  pixels: Uint8Array,
  size: { readonly width: number; readonly height: number },
  [channels, height, width]: ImageShape,
): Promise<Uint8Array> {
  const sharp = await importSharp();
  const image = sharp(pixels, { raw: { ...size, channels: channels as 1 | 3 } })
    .resize(width, height, { fit: "fill", kernel: "lanczos3" })
    .toColourspace(channels === 1 ? "b-w" : "srgb");
  return guard(path, () => image.raw().toBuffer());
}

/** Interleaved channels to one plane a channel. */
export function planesOf(pixels: Uint8Array, channels: number): Uint8Array {
  if (channels === 1) return pixels;
  const result = new Uint8Array(pixels.length);
  const size = pixels.length / channels;
  for (let i = 0; i < size; i++) for (let c = 0; c < channels; c++) result[c * size + i] = pixels[i * channels + c]!;
  return result;
}
