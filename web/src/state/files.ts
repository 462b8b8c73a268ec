import { signal } from "@preact/signals";
import type { Failure } from "../engine.ts";
import { dataFailure, openDataFile, openOwnModel } from "./opening.ts";
import { choosePicture, pictureFailure } from "./own-input.ts";

export type FileKind = "model" | "data" | "picture";

/** What a file is taken for, by its name and type; null for what the page does not take. */
export function fileKind({ name, type }: Pick<File, "name" | "type">): FileKind | null {
  if (/\.(onnx|pth|pt|safetensors)$/i.test(name)) return "model";
  if (/\.npz$/i.test(name)) return "data";
  return type.startsWith("image/") ? "picture" : null;
}

/** Why a file was not taken. */
export const refusal = signal<Failure | null>(null);

/**
 * Takes files in the order data, model, picture: a model that leaves sizes open is read in the shape of the data, a picture in
 * that of the model.
 * @param otherwise what a file is taken for whose name does not say
 */
export async function giveFiles(files: readonly File[], otherwise: FileKind | null = null): Promise<void> {
  const taken = new Map(files.map((file) => [fileKind(file) ?? otherwise, file]));
  const strange = taken.get(null);
  refusal.value = strange
    ? {
        code: "usage",
        message: `${strange.name} is no file that this page takes. It takes models (.onnx, .pth, .pt, .safetensors), samples (.npz with x and y) and pictures.`,
      }
    : null;
  dataFailure.value = null;
  pictureFailure.value = null;
  const [model, data, picture] = [taken.get("model"), taken.get("data"), taken.get("picture")];
  if (data) await openDataFile(data);
  if (model) await openOwnModel(model);
  if (picture) await choosePicture(picture);
}
