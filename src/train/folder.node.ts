import { architectures } from "../architectures/index.ts";
import { writeSafetensors } from "../models/formats/safetensors.ts";
import { writeOnnx } from "../onnx/file.ts";
import type { TrainState } from "../train.ts";
import { type Checkpoint, readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { weightsOf } from "./run.ts";
import type { TrainSettings } from "./settings.ts";
import { CHECKPOINT, workFolder } from "./work-folder.node.ts";

/** The files of a training. */
export const TRAINING_FILES = [CHECKPOINT, "model.onnx", "model.safetensors", "history.json"] as const;

const work = workFolder("training", TRAINING_FILES);

/** Makes the folder of a new training; gives the way to remove it while it is empty. @throws usage when one is there already, or it cannot be made */
export const createTraining = (folder: string): Promise<() => void> => work.create(folder);

/** @throws not-found, invalid-file */
export async function openTraining(folder: string): Promise<Checkpoint> {
  const { bytes, file } = await work.open(folder);
  return readCheckpoint(bytes, file);
}

/** Saves where a training stands; the one before stays whole until this one is. @throws usage when it cannot be written */
export const saveCheckpoint = (folder: string, checkpoint: Checkpoint): Promise<void> =>
  work.replace(folder, CHECKPOINT, writeCheckpoint(checkpoint));

/** Saves what a training has made: the network for inference, its weights, and how it went. @throws usage */
export async function saveResult(folder: string, settings: TrainSettings, state: TrainState): Promise<void> {
  const architecture = architectures[settings.architecture];
  const weights = weightsOf({ architecture }, state);
  const history = `${JSON.stringify({ schema: 1, settings, epochs: state.history }, null, 2)}\n`;
  await work.replace(folder, "model.onnx", writeOnnx(architecture.build(weights)));
  await work.replace(folder, "model.safetensors", writeSafetensors(weights));
  await work.replace(folder, "history.json", history);
}
