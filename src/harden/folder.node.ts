import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, PerturbError } from "../errors.ts";
import { option } from "../option.ts";
import { staged } from "../staging.node.ts";
import { type HardenCheckpoint, readHardening, writeHardening } from "./checkpoint.ts";

const CHECKPOINT = "checkpoint.safetensors";
/** The files of a hardening: the best weights, those of the last epoch, how it went, before against after, and where it stands. */
export const HARDENING_FILES = [CHECKPOINT, "model.onnx", "last.onnx", "history.json", "comparison.json"] as const;
type Written = Exclude<(typeof HARDENING_FILES)[number], typeof CHECKPOINT>;

/** Makes the folder of a new hardening. @throws usage when one is there already, or it cannot be made */
export async function createHardening(folder: string): Promise<void> {
  for (const name of HARDENING_FILES)
    if (existsSync(join(folder, name)))
      throw new PerturbError(
        "usage",
        `${folder} already holds ${name}. Go on with it (${option("resume", folder)}), or choose another folder (${option("folder")}).`,
        { data: { folder, file: name } },
      );
  await reporting(folder, () => mkdir(folder, { recursive: true }));
}

/** @throws not-found, invalid-file */
export async function openHardening(folder: string): Promise<HardenCheckpoint> {
  const file = join(folder, CHECKPOINT);
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new PerturbError(
      "not-found",
      `There is no hardening to resume in ${folder}: ${messageOf(cause)}. Give the folder of an earlier one (${option("resume")}).`,
      { cause, data: { file } },
    );
  });
  return readHardening(new Uint8Array(bytes), file);
}

/** Saves where a hardening stands; the one before stays whole until this one is. @throws usage when it cannot be written */
export const saveHardening = (folder: string, checkpoint: HardenCheckpoint): Promise<void> =>
  replaceFile(folder, CHECKPOINT, writeHardening(checkpoint));

/** Writes a file of the result: all of it, or nothing. @throws usage when it cannot be written */
export const writeResult = (folder: string, name: Written, content: Uint8Array | object): Promise<void> =>
  replaceFile(folder, name, content instanceof Uint8Array ? content : `${JSON.stringify(content, null, 2)}\n`);

const replaceFile = (folder: string, name: string, content: Uint8Array | string): Promise<void> =>
  reporting(folder, () => staged(join(folder, name), (staging) => writeFile(staging, content)));

async function reporting(folder: string, write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (cause) {
    throw new PerturbError(
      "usage",
      `The hardening cannot be written to ${folder}: ${messageOf(cause)}. Give a folder that can be written (${option("folder")}).`,
      { cause, data: { folder } },
    );
  }
}
