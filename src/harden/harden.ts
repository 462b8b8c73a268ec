import { type Dataset, withShape } from "../dataset.ts";
import { drawn } from "../datasets/draw.ts";
import { checkCount, PerturbError } from "../errors.ts";
import {
  configuredMethod,
  type HardenEpoch,
  type HardenState,
  type MethodChoice,
  type TrainingNorm,
  usualNorm,
} from "../harden.ts";
import { fittingShape } from "../layout.ts";
import { withOpenBatch } from "../models/classifier/open-batch.ts";
import { type DataFiles, withData } from "../models/formats/data-files.ts";
import { type GraphOptions, graphIn, type ModelOptions, settledFrom } from "../models/open.ts";
import type { Parameter } from "../models/parameters/find.ts";
import type { Chosen } from "../models/parameters/names.ts";
import { optimizers } from "../train/index.ts";
import { schedules } from "../train/schedule.ts";
import type { Optimizer, Schedule } from "../train.ts";
import type { Augmentation } from "./augment.ts";
import { fgsmRs } from "./methods/fgsm-rs.ts";
import type { HardenCourse } from "./options.ts";
import { runHardening } from "./run.ts";

/** How a network is trained, and how its file is read: options of `openModel`. */
export interface HardenOptions<N extends TrainingNorm = TrainingNorm>
  extends Omit<ModelOptions, "labelSets" | "flip" | "threshold" | "perturb" | "epsilonUnit">,
    Pick<GraphOptions, "input" | "output">,
    Chosen,
    HardenCourse {
  /** For messages, by default "model". */
  readonly name?: string;
  /** The files beside the model that hold weights of it ("external data"), by their paths from its folder, as it names them; by default none. */
  readonly files?: DataFiles;
  /** The budget to train for, in units of the input. */
  readonly epsilon: number;
  /** By default `fgsmRs`. */
  readonly method?: MethodChoice<N>;
  /** Of ε: one that the method trains in, by default "linf", and "l2" of methods for smoothing. */
  readonly norm?: NoInfer<N>;
  /** How often every sample is seen, by default 5; 0 gives the file back as it is. */
  readonly epochs?: number;
  /** Samples a step, by default 128. */
  readonly batch?: number;
  /** By default Adam. */
  readonly optimizer?: Optimizer;
  /** The learning rate at its highest, by default 0.002. */
  readonly rate?: number;
  /** By default one cycle. */
  readonly schedule?: Schedule;
  /** At most so many samples of the data, drawn by the seed; by default all. */
  readonly limit?: number;
  /** Samples of the data that are held out, to choose the best epoch by: at least 50, by default 1000. */
  readonly validation?: number;
  /** Of the samples held out, the order of the others, and all draws; by default 0. */
  readonly seed?: number;
  /** The weights' average keeps so much of itself at each step, such as 0.999, and is what is measured and given; by default 0, for no average. */
  readonly ema?: number;
  /** How pictures are changed before each epoch sees them; by default not at all. */
  readonly augment?: Augmentation;
  /** "recalibrate" recomputes the statistics that BatchNormalization stores after each epoch, on training data; by default "stored". */
  readonly batchNorm?: "stored" | "recalibrate";
}

/** What a hardening gave. */
export interface HardenResult {
  /** The ONNX file with the weights of the best epoch; every other byte is that of the file that was given. */
  readonly model: Uint8Array;
  /** The files that were given beside it, of the same layout; empty where none were. */
  readonly files: DataFiles;
  /** The same with the weights of the last epoch. */
  readonly last: Uint8Array;
  readonly lastFiles: DataFiles;
  /** The number of the best epoch; 0 is the file as it was given. */
  readonly best: number;
  /** Each epoch, the file as it was given first: accuracies on the samples held out, clean, under FGSM and under PGD-10. */
  readonly history: readonly HardenEpoch[];
  /** What was trained. */
  readonly parameters: readonly Parameter[];
  /** What could be trained and was not, because the file holds it inside of a function. */
  readonly others: readonly string[];
  /** Where it stood after the last step. */
  readonly state: HardenState;
}

/**
 * Trains the network in an ONNX file to withstand attacks inside ε. The same options give the same bytes on one build of the runtime, also
 * with other `runtimes` as long as each works on one thread, and when it was stopped and resumed.
 * @param model the bytes of the file; what it keeps in others comes as `files`
 * @param data to learn from; some of its samples are held out
 * @throws usage, mismatch, unsupported, before the first step, for what cannot be; whatever `openModel` throws; runtime where the loss is
 *   no number any more; cancelled, after `save` was given the state
 */
export async function harden<N extends TrainingNorm>(
  model: Uint8Array,
  data: Dataset,
  options: HardenOptions<N>,
): Promise<HardenResult> {
  if (!ArrayBuffer.isView(model))
    throw new PerturbError("usage", "harden takes the bytes of an ONNX file: a Uint8Array, such as readFile gives.");
  const { name = "model", files = new Map(), input, output, runtimes, shape, ...rest } = options;
  if (!Array.isArray(runtimes) || runtimes.length === 0)
    throw new PerturbError("usage", 'harden needs `runtimes`: at least one, such as [nodeRuntime("cpu", 1)].');
  if (!(files instanceof Map))
    throw new PerturbError(
      "usage",
      'harden takes `files` as a Map of bytes by path, such as new Map([["net.data", bytes]]).',
    );
  const bytes = new Uint8Array(model.buffer, model.byteOffset, model.byteLength);
  const opened = await graphIn(bytes, name, { input, output }, (graph) => withData(graph, files, name));
  const sizes = opened.graph.inputs.length === 1 ? (opened.graph.inputs[0]!.dims?.slice(1) ?? null) : null;
  const open = sizes?.map((size) => (typeof size === "number" ? size : null));
  const wanted = shape ?? opened.shape ?? (open ? fittingShape(data.shape, open) : data.shape);
  const settled = await settledFrom(opened, { ...rest, shape: wanted }, runtimes[0]);
  const file = await withOpenBatch(settled, runtimes[0]);
  const method: MethodChoice = options.method ?? fgsmRs;
  const { optimizer = optimizers.adam.make(), rate = optimizers.adam.rate } = options;
  const { epochs = 5, batch = 128, validation = 1000, seed = 0, schedule } = options;
  const chosen = "method" in method ? method : configuredMethod(method);
  const { limit = data.size, norm = usualNorm(chosen.method) } = options;
  checkCount("limit", limit);
  const shaped = withShape(data, file.inputShape);
  const hardened = await runHardening({
    file,
    bytes,
    files,
    data: limit < data.size ? drawn(shaped, limit, seed) : shaped,
    method: chosen,
    norm,
    epsilon: options.epsilon,
    optimizer,
    rate,
    schedule: schedule ?? schedules["one-cycle"],
    epochs,
    batch,
    validation,
    seed,
    ema: options.ema,
    augment: options.augment,
    batchNorm: options.batchNorm,
    freeze: options.freeze,
    only: options.only,
    runtimes,
    resume: options.resume,
    signal: options.signal,
    onProgress: options.onProgress,
    save: options.save,
  });
  const { state, network } = hardened;
  return {
    model: hardened.model,
    files: hardened.files,
    last: hardened.last,
    lastFiles: hardened.lastFiles,
    best: state.best.epoch,
    history: state.history,
    parameters: network.parameters,
    others: network.others,
    state,
  };
}
