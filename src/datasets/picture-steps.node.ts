import { PerturbError } from "../errors.ts";
import { type PictureSteps, pictureWords } from "../models/preprocessing/preprocessing.ts";
import { resizedTo } from "../models/preprocessing/resampling.ts";
import { type Note, option } from "../option.ts";
import { decodePixels, type ImageShape, planesOf } from "./decode-image.node.ts";
import { centerCrop, resample } from "./resample.ts";

/**
 * The bytes [channels, height, width] of an image after its pipeline: decoded, resized and cropped, as torchvision does it of
 * Pillow's images. @throws as `decodePixels`; mismatch where another size comes out
 */
export async function preparedImage(path: string, shape: ImageShape, steps: PictureSteps): Promise<Uint8Array> {
  const { width, height, data } = await preparedAt(path, shape[0], steps);
  if (height !== shape[1] || width !== shape[2])
    throw new PerturbError(
      "mismatch",
      `${path}, ${pictureWords(steps)}, is ${width} × ${height} pixels, and the model takes ${shape[2]} × ${shape[1]}. Change ${option("preprocessing.resize")} or ${option("preprocessing.crop")}.`,
      { data: { path, got: [height, width], expected: shape.slice(1) } },
    );
  return planesOf(data, shape[0]);
}

/** The shape that an image has after its pipeline. */
export async function preparedShape(path: string, channels: 1 | 3, steps: PictureSteps): Promise<ImageShape> {
  const { width, height } = await preparedAt(path, channels, steps);
  return [channels, height, width];
}

async function preparedAt(path: string, channels: number, steps: PictureSteps) {
  const { resize, crop, interpolation, antialias, cropRounding } = steps;
  let picture = { ...(await decodePixels(path, channels)), channels };
  if (resize !== undefined)
    picture = {
      ...resample(picture, ...resizedTo(picture, resize), {
        ...(interpolation !== undefined && { interpolation }),
        ...(antialias !== undefined && { antialias }),
      }),
    };
  if (crop === undefined) return picture;
  const [height, width] = typeof crop === "number" ? [crop, crop] : crop;
  return centerCrop(picture, width, height, cropRounding);
}

/** What readers of results must know of it. */
export const stepsNote = (name: string, steps: PictureSteps): Note => ({
  code: "prepared-pictures",
  message: `The pictures of ${name} were ${pictureWords(steps)} before the attack. What is attacked, measured by ε and written as PNG is what the network then gets, not the picture at its own size: put through the whole pipeline again, such a PNG need not fool it. To attack the picture itself: ${option("perturb", "picture")}.`,
});
