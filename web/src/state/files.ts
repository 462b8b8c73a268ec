import { signal } from "@preact/signals";
import type { Failure } from "../engine.ts";
import { dataFailure, openDataFile, openOwnModel } from "./opening.ts";
import { choosePicture, pictureFailure } from "./own-input.ts";

export type FileKind = "model" | "data" | "picture";

/** What a file is taken for, by its name, its type, or else its first bytes; null for what the page does not take. */
export async function fileKind(file: File): Promise<FileKind | null> {
  const { name, type } = file;
  if (/\.(onnx|pth|pt|safetensors)$/i.test(name)) return "model";
  if (/\.npz$/i.test(name)) return "data";
  if (type.startsWith("image/") || PICTURE_NAME.test(name)) return "picture";
  // What cannot be read says so when it is opened.
  const head = new Uint8Array(
    await file
      .slice(0, 12)
      .arrayBuffer()
      .catch(() => new ArrayBuffer(0)),
  );
  return PICTURE_HEAD.test(String.fromCharCode(...head)) ? "picture" : null;
}

const PICTURE_NAME = /\.(png|jpe?g|jfif|webp|gif|bmp|avif)$/i;
/** How PNG, JPEG, GIF, WebP and AVIF begin, a letter for a byte. */
const PICTURE_HEAD = /^(\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a|RIFF.{4}WEBP|.{4}ftypavi[fs])/s;

/** Why a file was not taken. */
export const refusal = signal<Failure | null>(null);

/**
 * Takes files in the order data, model, picture: a model that leaves sizes open is read in the shape of the data, a picture in
 * that of the model.
 * @param otherwise what a file is taken for whose name does not say
 */
export async function giveFiles(files: readonly File[], otherwise: FileKind | null = null): Promise<void> {
  const kinds = await Promise.all(files.map(fileKind));
  const taken = new Map(files.map((file, i) => [kinds[i] ?? otherwise, file]));
  const strange = taken.get(null);
  const spare = files.find((file) => ![...taken.values()].includes(file));
  refusal.value = strange
    ? {
        code: "usage",
        message: `${strange.name} was not opened: neither its name nor its first bytes tell what it is. Give a model (.onnx, .pth, .pt, .safetensors), samples (.npz with x and y) or a picture (.png, .jpg, .webp, .gif, .bmp, .avif).`,
      }
    : spare
      ? { code: "usage", message: `${spare.name} was not opened: give one model, one .npz and one picture at a time.` }
      : null;
  dataFailure.value = null;
  pictureFailure.value = null;
  const [model, data, picture] = [taken.get("model"), taken.get("data"), taken.get("picture")];
  if (data) await openDataFile(data);
  if (model) await openOwnModel(model);
  if (picture) await choosePicture(picture);
}
