import type { Dataset } from "../dataset.ts";
import { checkCount, PerturbError } from "../errors.ts";
import type { ConfiguredMethod, HardenProgress, HardenState, TrainingNorm } from "../harden.ts";
import type { ClassifierFile } from "../models/classifier/classifier.ts";
import type { DataFiles } from "../models/formats/data-files.ts";
import type { Chosen } from "../models/parameters/names.ts";
import { option } from "../option.ts";
import type { Runtime } from "../runtime.ts";
import type { Optimizer, Schedule } from "../train.ts";
import { type Augmentation, checkAugmentation } from "./augment.ts";
import { checkAveraging } from "./average.ts";

export interface HardenSettings extends Chosen {
  readonly method: ConfiguredMethod;
  readonly norm: TrainingNorm;
  /** In the units of the model's bounds. */
  readonly epsilon: number;
  readonly optimizer: Optimizer;
  /** Learning rate at its highest. */
  readonly rate: number;
  readonly schedule: Schedule;
  /** 0 gives the file back as it is. */
  readonly epochs: number;
  /** Samples a step. */
  readonly batch: number;
  /** Samples held out, to tell after each epoch how good the network is. */
  readonly validation: number;
  /** Of the samples held out, the order of the others, and all draws of attacks. */
  readonly seed: number;
  /** The weights' average keeps so much of itself at each step, and is what is measured and written; by default 0, for no average. */
  readonly ema?: number | undefined;
  /** How pictures are changed before each epoch; by default not at all. */
  readonly augment?: Augmentation | undefined;
  /** What becomes of the statistics that BatchNormalization stores: kept, or recomputed after each epoch; by default kept. */
  readonly batchNorm?: "stored" | "recalibrate" | undefined;
}

/** What runs a hardening, follows it and goes on with it. */
export interface HardenCourse {
  /** Who executes graphs; parts of a batch run side by side on several, and their number does not change the result. */
  readonly runtimes: readonly [Runtime, ...Runtime[]];
  readonly resume?: HardenState | undefined;
  /** Stops after the current step: the state is saved, then `cancelled` is thrown. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: HardenProgress) => void) | undefined;
  /** Saves the state: after each epoch, from time to time, and when stopped. */
  readonly save?: ((state: HardenState) => Promise<void>) | undefined;
}

export interface Hardening extends HardenSettings, HardenCourse {
  readonly file: ClassifierFile;
  /** The ONNX file that the classifier was made from. */
  readonly bytes: Uint8Array;
  /** The files beside it that hold weights; by default none. */
  readonly files?: DataFiles | undefined;
  readonly data: Dataset;
  /** Samples that are kept out altogether, for a test: `split` tells which. By default none. */
  readonly test?: number | undefined;
}

/** Held-out samples below which accuracies on them say too little to choose an epoch by. */
const LEAST_VALIDATION = 50;

/** What can be said before anything is opened. @throws usage, mismatch */
export function checkHardening({ method, norm, epsilon, file, data, ...rest }: Hardening): void {
  const { epochs, batch, rate, validation, test = 0 } = rest;
  checkCount("batch", batch);
  if (!Number.isInteger(epochs) || epochs < 0)
    throw new PerturbError("usage", `epochs must be a whole number from 0 up, got ${epochs}.`);
  if (!(rate > 0 && Number.isFinite(rate)))
    throw new PerturbError("usage", `The learning rate must be above 0, got ${rate} (${option("rate")}).`);
  checkAveraging(rest.ema ?? 0);
  const { lower, upper } = file.bounds;
  if (!(epsilon > 0 && Number.isFinite(epsilon)))
    throw new PerturbError(
      "usage",
      `ε must be above 0 to harden a network, got ${epsilon}. To train without an attack, take the method standard with the ε that it is to be measured at.`,
    );
  if (norm === "linf" && epsilon >= upper - lower)
    throw new PerturbError(
      "usage",
      `ε is ${epsilon}, and the input reaches from ${lower} to ${upper}: an attack could replace it altogether. Give a smaller ε, such as 8/255.`,
    );
  const { norms, name } = method.method;
  if (!norms.includes(norm))
    throw new PerturbError(
      "usage",
      `${name} trains against ${norms.join(", ")}, not against ${norm}. Take another norm or method (${option("norm")}).`,
    );
  if (data.labelSets) throw new PerturbError("usage", `${data.name} has several labels for a sample; one is needed.`);
  if (data.shapeOf)
    throw new PerturbError("mismatch", `The samples of ${data.name} have several shapes; one is needed.`);
  if (data.classes > file.classes)
    throw new PerturbError(
      "mismatch",
      `${data.name} has ${data.classes} classes, and ${file.name} knows ${file.classes}. Give data with the model's classes.`,
      { data: { dataset: data.classes, model: file.classes } },
    );
  if (String(data.shape) !== String(file.inputShape))
    throw new PerturbError(
      "mismatch",
      `${file.name} takes samples of shape [${file.inputShape}], and ${data.name} has [${data.shape}].`,
    );
  checkAugmentation(rest.augment ?? {}, data);
  const left = data.size - validation - test;
  if (!Number.isInteger(validation) || validation < LEAST_VALIDATION || left < Math.max(batch, validation))
    throw new PerturbError(
      "usage",
      `${takenOf(data)}; of these, ${validation + test} are to be held out, so that ${Math.max(0, left)} would be left to learn from. At least ${LEAST_VALIDATION} are held out, and no more than are learned from, of which a batch is ${batch}. Give more data, or set ${option("validation")} or ${option("batch")}.`,
      { data: { size: data.size, validation, left } },
    );
}

/** How many samples there are, in a clause: all of the data, or those that were drawn of it. */
const takenOf = ({ name, size, drawn }: Dataset): string =>
  drawn
    ? `${size} of the ${drawn.of} samples of ${name} are taken (${option("limit", size)})`
    : `${name} has ${size} samples`;
