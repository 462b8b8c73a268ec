import { randomUUID } from "node:crypto";
import { access, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { architectures } from "../architectures/index.ts";
import { messageOf, PerturbError } from "../errors.ts";
import { writeSafetensors } from "../models/formats/safetensors.ts";
import { writeOnnx } from "../onnx/file.ts";
import { option } from "../option.ts";
import type { TrainState } from "../train.ts";
import { type Checkpoint, readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { weightsOf } from "./run.ts";
import type { TrainSettings } from "./settings.ts";

const CHECKPOINT = "checkpoint.safetensors";
/** The files of a training. */
export const TRAINING_FILES = [CHECKPOINT, "model.onnx", "model.safetensors", "history.json"] as const;

/** Makes the folder of a new training. @throws usage when one is there already, or it cannot be made */
export async function createTraining(folder: string): Promise<void> {
  for (const name of TRAINING_FILES)
    if (await exists(join(folder, name)))
      throw new PerturbError(
        "usage",
        `${folder} already holds ${name}. Go on with it (${option("resume", folder)}), or choose another folder (${option("folder")}).`,
        { data: { folder, file: name } },
      );
  await reporting(folder, () => mkdir(folder, { recursive: true }));
}

/** @throws not-found, invalid-file */
export async function openTraining(folder: string): Promise<Checkpoint> {
  const file = join(folder, CHECKPOINT);
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new PerturbError(
      "not-found",
      `There is no training to resume in ${folder}: ${messageOf(cause)}. Give the folder of an earlier one (${option("resume")}).`,
      { cause, data: { file } },
    );
  });
  return readCheckpoint(new Uint8Array(bytes), file);
}

/** Saves where a training stands; the one before stays whole until this one is. @throws usage when it cannot be written */
export function saveCheckpoint(folder: string, checkpoint: Checkpoint): Promise<void> {
  return replaceFile(folder, CHECKPOINT, writeCheckpoint(checkpoint));
}

/** Saves what a training has made: the network for inference, its weights, and how it went. @throws usage */
export async function saveResult(folder: string, settings: TrainSettings, state: TrainState): Promise<void> {
  const architecture = architectures[settings.architecture];
  const weights = weightsOf({ architecture }, state);
  await replaceFile(folder, "model.onnx", writeOnnx(architecture.build(weights)));
  await replaceFile(folder, "model.safetensors", writeSafetensors(weights));
  await replaceFile(
    folder,
    "history.json",
    `${JSON.stringify({ schema: 1, settings, epochs: state.history }, null, 2)}\n`,
  );
}

async function replaceFile(folder: string, name: string, content: Uint8Array | string): Promise<void> {
  const temporary = join(folder, `.${name}.${randomUUID().slice(0, 8)}.partial`);
  await reporting(folder, async () => {
    try {
      await writeFile(temporary, content);
      await rename(temporary, join(folder, name));
    } finally {
      await rm(temporary, { force: true });
    }
  });
}

async function reporting(folder: string, write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (cause) {
    throw new PerturbError(
      "usage",
      `The training cannot be written to ${folder}: ${messageOf(cause)}. Give a folder that can be written (${option("folder")}).`,
      { cause, data: { folder } },
    );
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
