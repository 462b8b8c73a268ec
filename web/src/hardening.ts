import type { HardenEpoch } from "../../src/harden.ts";
import type { ModelId } from "./engine.ts";

/** A training against FGSM from a random start, in L∞. */
export interface HardenRequest {
  readonly model: ModelId;
  readonly epsilon: number;
  readonly epochs: number;
}

export interface HardenWord {
  /** Samples learned from, over all epochs. */
  readonly done: number;
  readonly total: number;
  /** Samples a second. */
  readonly rate: number;
  /** Accuracies on the samples held out, after each epoch that has ended; the first is the network as it was. */
  readonly history: readonly HardenEpoch[];
}

export interface HardenedModel {
  /** The ONNX file with the weights of the best epoch. */
  readonly bytes: Uint8Array;
  /** 0 is the network as it was. */
  readonly best: number;
  readonly history: readonly HardenEpoch[];
  /** How many of the first samples of the data the training did not touch. */
  readonly unseen: number;
}
