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
type Written = Exclude<(typeof HARDENING_FILES)[number], typeof CHECKPOINT>;

const work = workFolder("hardening", HARDENING_FILES);

/** Makes the folder of a new hardening; gives the way to remove it while it is empty. @throws usage when one is there already, or it cannot be made */
export const createHardening = (folder: string): Promise<() => void> => work.create(folder);

/** @throws not-found, invalid-file */
export async function openHardening(folder: string): Promise<HardenCheckpoint> {
  const { bytes, file } = await work.open(folder);
  return readHardening(bytes, file);
}

/** Saves where a hardening stands; the one before stays whole until this one is. @throws usage when it cannot be written */
export const saveHardening = (folder: string, checkpoint: HardenCheckpoint): Promise<void> =>
  work.replace(folder, CHECKPOINT, writeHardening(checkpoint));

/** Writes a file of the result: all of it, or nothing. @throws usage when it cannot be written */
export const writeResult = (folder: string, name: Written, content: Uint8Array | string | object): Promise<void> =>
  work.replace(
    folder,
    name,
    content instanceof Uint8Array || typeof content === "string" ? content : `${JSON.stringify(content, null, 2)}\n`,
  );
