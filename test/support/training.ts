import { readFileSync } from "node:fs";
import type { Architecture } from "../../src/architecture.ts";
import { lenet } from "../../src/architectures/lenet.ts";
import { bytesSource, type Dataset } from "../../src/dataset.ts";
import { openNpz } from "../../src/datasets/arrays.ts";
import { readSafetensors } from "../../src/models/formats/safetensors.ts";
import { readWeights } from "../../src/models/formats/weights.ts";
import { nodeRuntime } from "../../src/runtime/ort.node.ts";
import { adam } from "../../src/train/adam.ts";
import { schedules } from "../../src/train/schedule.ts";
import { parameterNames } from "../../src/train/vector.ts";
import type { TrainOptions } from "../../src/train.ts";

const fixture = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../fixtures/pytorch/${name}`, import.meta.url)));

/** The first 100 test images of MNIST. */
export const first100 = (): Promise<Dataset> =>
  openNpz({ name: "first100", source: bytesSource("first100.npz", fixture("first100.npz")), classes: 10 });

const flatten = (tensors: ReadonlyMap<string, { readonly data: unknown }>, prefix: string): Float32Array =>
  Float32Array.from(parameterNames(lenet).flatMap((name) => [...(tensors.get(prefix + name)!.data as Float32Array)]));

/** The weights of torch's LeNet as one vector. */
export const torchWeights = (): Float32Array => flatten(readWeights(fixture("lenet_zip.pth"), "lenet_zip.pth"), "");

/** What torch makes of them: see lenet_training.py beside the file. */
export const torchResult = (kind: "gradient" | "adam" | "sgd"): Float32Array =>
  flatten(readSafetensors(fixture("lenet_training.safetensors"), "lenet_training.safetensors"), `${kind}.`);

export const withoutDropout: Architecture = { ...lenet, dropout: {} };

/** A training of a blink: 80 images learned from, 20 held out. */
export async function smallTraining(given: Partial<TrainOptions> = {}): Promise<TrainOptions> {
  return {
    architecture: lenet,
    data: await first100(),
    validation: 20,
    optimizer: adam(),
    rate: 2e-3,
    schedule: schedules["one-cycle"],
    epochs: 3,
    batch: 7,
    seed: 5,
    runtimes: [nodeRuntime("cpu", 1)],
    ...given,
  };
}
