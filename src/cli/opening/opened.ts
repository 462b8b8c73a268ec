import type { Dataset } from "../../dataset.ts";
import type { Model } from "../../model.ts";
import type { PictureSteps } from "../../models/preprocessing/preprocessing.ts";

/** A model that is run in this thread. */
export type OpenedModel = Model & { release(): Promise<void> };

/** What commands work on: a model and its data. */
export interface OpenedSubject {
  /** Compiled when it is first run. Release it when done. */
  readonly model: OpenedModel;
  readonly data: Dataset;
  /** The preprocessing that is followed, by its name or file. */
  readonly preprocess?: string;
  /** The network alone and what is done to a picture before it, where pictures are perturbed at their own size. Release the model. */
  readonly pipeline?: () => Promise<Pipeline>;
}

/** How a picture in a file becomes an answer. */
export interface Pipeline {
  readonly model: OpenedModel;
  readonly steps: PictureSteps;
}
