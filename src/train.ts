import type { Architecture } from "./architecture.ts";
import type { Dataset } from "./dataset.ts";
import type { Ops } from "./onnx/ops.ts";
import type { Random } from "./random.ts";
import type { Runtime } from "./runtime.ts";

/** What an optimizer is told of one step. Values are named; vectors are float32 and hold all parameters of the network. */
export interface UpdateContext {
  readonly b: Ops;
  readonly parameters: string;
  readonly gradient: string;
  /** The vectors that the optimizer keeps from step to step, by name. */
  readonly state: Readonly<Record<string, string>>;
  /** The scalars of this step, by name. */
  readonly scalars: Readonly<Record<string, string>>;
}

export interface Update {
  readonly parameters: string;
  readonly state: Readonly<Record<string, string>>;
}

/** A rule that turns gradients into new parameters: ONNX nodes, which any runtime executes. */
export interface Optimizer {
  readonly name: string;
  /** Where it was published. */
  readonly paper: string;
  /** Names of the vectors that it keeps, zero before the first step. */
  readonly state: readonly string[];
  /** What changes from step to step; `step` counts from 1. */
  readonly scalars: (step: number, rate: number) => Readonly<Record<string, number>>;
  /** Appends the nodes of one update. */
  readonly update: (context: UpdateContext) => Update;
}

/** The share of the learning rate at a point of the training: `progress` runs from 0 up to, not including, 1. */
export type Schedule = (progress: number) => number;

/** Draws a first weight or bias of a layer in which each output adds up `fanIn` products. */
export type Initializer = (random: Random, fanIn: number, kind: "weight" | "bias") => number;

export interface TrainOptions {
  readonly architecture: Architecture;
  /** Its last `validation` samples are held out, the others are learned from. */
  readonly data: Dataset;
  /** Of the first weights; `torch`'s by default. */
  readonly initializer?: Initializer | undefined;
  /** Samples held out, measured after each epoch; may be 0. */
  readonly validation: number;
  /** At most so many samples of the data, by default all. */
  readonly limit?: number | undefined;
  readonly optimizer: Optimizer;
  /** Learning rate at its highest. */
  readonly rate: number;
  readonly schedule: Schedule;
  readonly epochs: number;
  /** Samples a step. */
  readonly batch: number;
  /** Of the first weights, the order of samples, and dropout. */
  readonly seed: number;
  /**
   * Who executes graphs; parts of a batch run side by side on several. Their number does not change the result, as long
   * as each works on one core: how many threads share one operator decides how its sums are rounded.
   */
  readonly runtimes: readonly [Runtime, ...Runtime[]];
  /** Where an earlier training with these options stopped. */
  readonly resume?: TrainState | undefined;
  /** Stops after the current step: the state is saved, then `cancelled` is thrown. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: TrainProgress) => void) | undefined;
  /** Saves the state: after each epoch, and when stopped. */
  readonly save?: ((state: TrainState) => Promise<void>) | undefined;
}

/** Sums over samples. */
export interface Score {
  /** Of the cross-entropy, in nats. */
  readonly loss: number;
  readonly correct: number;
  readonly total: number;
}

export interface EpochRecord {
  /** From 1. */
  readonly epoch: number;
  /** While learning, with dropout. */
  readonly training: Score;
  /** After the epoch, without dropout; null where nothing is held out. */
  readonly validation: Score | null;
}

/** All that a training is at one moment: with the options it decides everything that follows. */
export interface TrainState {
  /** Steps done. */
  readonly step: number;
  /** `parameters`, in the architecture's order, and the vectors of the optimizer. */
  readonly vectors: Readonly<Record<string, Float32Array>>;
  /** Of the running epoch so far. */
  readonly score: Score;
  /** Epochs done. */
  readonly history: readonly EpochRecord[];
}

export interface TrainProgress {
  readonly epoch: number;
  readonly epochs: number;
  /** Samples learned from, over all epochs. */
  readonly done: number;
  readonly total: number;
  /** Of the running epoch. */
  readonly score: Score;
  readonly history: readonly EpochRecord[];
}
