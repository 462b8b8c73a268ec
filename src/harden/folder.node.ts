import { dirname, join } from "node:path";
import { PerturbError } from "../errors.ts";
import type { DataFiles } from "../models/formats/data-files.ts";
import { CHECKPOINT, workFolder } from "../train/work-folder.node.ts";
import { type HardenCheckpoint, readHardening, writeHardening } from "./checkpoint.ts";

/** The files of a hardening: the best weights, those of the last epoch, how it went, before against after, both as a page, and where it stands. */
export const HARDENING_FILES = [
  CHECKPOINT,
  "model.onnx",
  "last.onnx",
  "history.json",
  "comparison.json",
  "report.html",
] as const;
type Written = Exclude<(typeof HARDENING_FILES)[number], typeof CHECKPOINT | "model.onnx" | "last.onnx">;

/** Holds the last epoch's model where this has files beside it. */
const LAST = "last";

const work = workFolder("hardening", HARDENING_FILES);

/**
 * Makes the folder of a new hardening; gives the way to remove it while it is empty.
 * @param files that lie beside the model, and will lie beside the result
 * @param lock the name of the file that says who works in the folder
 * @throws usage when one is there already, or it cannot be made; unsupported where such a file would take the place of another
 */
export function createHardening(folder: string, files: DataFiles, lock: string): Promise<() => void> {
  const paths = [...files.keys()];
  const own = new Set<string>([...HARDENING_FILES, LAST, lock]);
  // Some systems know no difference between capital and small letters.
  const taken = paths.find((path) => own.has(path.split("/")[0]!.toLowerCase()));
  if (taken !== undefined)
    throw new PerturbError(
      "unsupported",
      `The model keeps weights in a file named ${taken}, and the result has one of that name for itself. Rename it: in Python, onnx.save(onnx.load("net.onnx"), "renamed.onnx", save_as_external_data=True, location="renamed.data").`,
      { data: { file: taken } },
    );
  return work.create(folder, paths.length > 0 ? [LAST, ...paths] : []);
}

/** @throws not-found, invalid-file */
export async function openHardening(folder: string): Promise<HardenCheckpoint> {
  const { bytes, file } = await work.open(folder);
  return readHardening(bytes, file);
}

/** Saves where a hardening stands; the one before stays whole until this one is. @throws usage when it cannot be written */
export const saveHardening = (folder: string, checkpoint: HardenCheckpoint): Promise<void> =>
  work.replace(folder, CHECKPOINT, writeHardening(checkpoint));

/** Where the model of an epoch lies in the folder. */
export const modelPath = (which: "best" | "last", files: DataFiles): string =>
  which === "best" ? "model.onnx" : files.size > 0 ? `${LAST}/model.onnx` : "last.onnx";

/** Writes a model of the result, after the files beside it: each whole, or not at all. @throws usage when one cannot be written */
export async function writeModel(
  folder: string,
  which: "best" | "last",
  { model, files }: { readonly model: Uint8Array; readonly files: DataFiles },
): Promise<void> {
  const path = modelPath(which, files);
  for (const [name, bytes] of files) await work.replace(folder, join(dirname(path), name), bytes);
  await work.replace(folder, path, model);
}

/** Writes a file of the result: all of it, or nothing. @throws usage when it cannot be written */
export const writeResult = (folder: string, name: Written, content: string | object): Promise<void> =>
  work.replace(folder, name, typeof content === "string" ? content : `${JSON.stringify(content, null, 2)}\n`);
