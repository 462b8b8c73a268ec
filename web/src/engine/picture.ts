import { messageOf, PerturbError } from "../../../src/errors.ts";
import { onGrid } from "../../../src/grid.ts";
import type { Model } from "../../../src/model.ts";
import { layoutOf } from "../../../src/report/pictures/picture.ts";
import { isPicture } from "./drawn.ts";

type Shaped = Pick<Model, "inputShape" | "bounds" | "name">;

/** Width × height of the largest picture that is decoded. */
const MAX_PIXELS = 2 ** 26;

/**
 * A picture in the model's shape: the largest middle part of the model's proportions, resized; `invert`: as its negative.
 * @throws invalid-file, unsafe-file, unsupported
 */
export async function decodePicture(model: Shaped, picture: Blob, invert: boolean): Promise<Float32Array> {
  const { width, height } = requirePicture(model);
  const bitmap = await decoded(picture);
  const scale = Math.min(bitmap.width / width, bitmap.height / height);
  const [w, h] = [width * scale, height * scale];
  const [left, top] = [(bitmap.width - w) / 2, (bitmap.height - h) / 2];
  return read(model, (context) => {
    context.imageSmoothingQuality = "high";
    if (invert) context.filter = "invert(1)";
    context.drawImage(bitmap, left, top, w, h, 0, 0, width, height);
    bitmap.close();
  });
}

/** The pixels of a PNG, as a program that is given the file reads them. @throws mismatch for another size */
export async function readPng(model: Shaped, png: Uint8Array): Promise<Float32Array> {
  const { width, height } = requirePicture(model);
  const bitmap = await decoded(new Blob([png as Uint8Array<ArrayBuffer>], { type: "image/png" }));
  if (bitmap.width !== width || bitmap.height !== height)
    throw new PerturbError("mismatch", `The picture is ${bitmap.width} × ${bitmap.height}, not ${width} × ${height}.`);
  return read(model, (context) => {
    context.drawImage(bitmap, 0, 0);
    bitmap.close();
  });
}

async function decoded(picture: Blob): Promise<ImageBitmap> {
  try {
    const bitmap = await createImageBitmap(picture, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
    if (bitmap.width * bitmap.height <= MAX_PIXELS) return bitmap;
    bitmap.close();
  } catch (cause) {
    throw new PerturbError(
      "invalid-file",
      `The file is no picture that this browser reads: ${messageOf(cause).replace(/\.$/, "")}. Give a PNG, JPEG or WebP.`,
      { cause },
    );
  }
  throw new PerturbError("unsafe-file", `The picture has more than ${MAX_PIXELS} pixels. Make it smaller.`);
}

/** @throws unsupported for samples that are no pictures */
function requirePicture({ inputShape, name }: Shaped): { width: number; height: number; channels: 1 | 3 } {
  if (isPicture(inputShape)) return layoutOf(inputShape);
  throw new PerturbError(
    "unsupported",
    `${name} takes samples of shape [${inputShape}], which is no grey or RGB picture. Drop a .npz of samples instead.`,
  );
}

/** What is drawn, on black, as values on the grid of 8 bits; grey by ITU-R 601 luma. */
function read(model: Shaped, draw: (context: OffscreenCanvasRenderingContext2D) => void): Float32Array {
  const { width, height, channels } = requirePicture(model);
  const { at } = layoutOf(model.inputShape);
  const { lower, upper } = model.bounds;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true })!;
  context.fillRect(0, 0, width, height);
  draw(context);
  const { data } = context.getImageData(0, 0, width, height);
  const x = new Float32Array(width * height * channels);
  const value = (byte: number) => onGrid(lower + (byte / 255) * (upper - lower), model.bounds, 256);
  for (let y = 0, i = 0; y < height; y++)
    for (let column = 0; column < width; column++, i += 4) {
      const [r, g, b] = [data[i]!, data[i + 1]!, data[i + 2]!];
      if (channels === 1)
        x[at(y, column, 0)] = value(r === g && g === b ? r : Math.round(0.299 * r + 0.587 * g + 0.114 * b));
      else for (const [c, byte] of [r, g, b].entries()) x[at(y, column, c)] = value(byte);
    }
  return x;
}
