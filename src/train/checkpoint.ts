import { z } from "zod";
import { architectures } from "../architectures/index.ts";
import { messageOf, PerturbError } from "../errors.ts";
import { readMetadata, readSafetensors, writeSafetensors } from "../models/formats/safetensors.ts";
import type { StateDict } from "../models/formats/state-dict.ts";
import { option } from "../option.ts";
import type { FloatTensor, Tensor } from "../tensor.ts";
import type { TrainState } from "../train.ts";
import { optimizers } from "./index.ts";
import { settingsSchema, type TrainSettings } from "./settings.ts";
import { parameterViews, vectorSize } from "./vector.ts";

/** Whence a training goes on. */
export interface Checkpoint {
  readonly settings: TrainSettings;
  readonly state: TrainState;
}

const KEY = "perturb.training";
const count = z.number().int().nonnegative();
const score = z.strictObject({ loss: z.number(), correct: count, total: count });
const metadata = z.strictObject({
  schema: z.literal(1),
  settings: settingsSchema,
  step: count,
  score,
  history: z.array(z.strictObject({ epoch: count, training: score, validation: score.nullable() })),
});

/**
 * A checkpoint as a safetensors file: `parameters.NAME` and for each vector of the optimizer `VECTOR.NAME`; settings,
 * step and history as JSON in its metadata.
 */
export function writeCheckpoint({ settings, state: { vectors, ...rest } }: Checkpoint): Uint8Array {
  const architecture = architectures[settings.architecture];
  const tensors = Object.entries(vectors).flatMap(([vector, data]) =>
    Object.entries(parameterViews(architecture, data)).map(([name, t]): [string, Tensor] => [`${vector}.${name}`, t]),
  );
  return writeSafetensors(new Map(tensors), { [KEY]: JSON.stringify({ schema: 1, settings, ...rest }) });
}

/** @throws invalid-file when it is no checkpoint, or parts of it are missing or do not fit each other */
export function readCheckpoint(bytes: Uint8Array, file: string): Checkpoint {
  const { settings, step, score, history } = parseMetadata(readMetadata(bytes, file)[KEY], file);
  const tensors = readSafetensors(bytes, file);
  const vectors = ["parameters", ...optimizers[settings.optimizer].make().state];
  return {
    settings,
    state: {
      step,
      score,
      history,
      vectors: Object.fromEntries(vectors.map((name) => [name, readVector(tensors, settings, name, file)])),
    },
  };
}

function parseMetadata(text: string | undefined, file: string): z.infer<typeof metadata> {
  if (text === undefined) throw unfit(file, "it is a file of weights, not of a training");
  try {
    return metadata.parse(JSON.parse(text));
  } catch (cause) {
    throw unfit(file, cause instanceof z.ZodError ? z.prettifyError(cause) : messageOf(cause), cause);
  }
}

function readVector(tensors: StateDict, { architecture }: TrainSettings, vector: string, file: string): Float32Array {
  const data = new Float32Array(vectorSize(architectures[architecture]));
  for (const [name, view] of Object.entries(parameterViews(architectures[architecture], data))) {
    const t = tensors.get(`${vector}.${name}`);
    if (t?.type !== "float32" || String(t.dims) !== String(view.dims))
      throw unfit(file, `its tensor "${vector}.${name}" is not float32 [${view.dims}]`);
    view.data.set((t as FloatTensor).data);
  }
  return data;
}

const unfit = (file: string, problem: string, cause?: unknown): PerturbError =>
  new PerturbError(
    "invalid-file",
    `${file} is no checkpoint of a training: ${problem}. Start anew in another folder (${option("folder")}).`,
    { cause, data: { file } },
  );
