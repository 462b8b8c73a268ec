import type { Dataset } from "../../dataset.ts";
import type { Model } from "../../model.ts";

/** A model that is run in this thread. */
export type OpenedModel = Model & { release(): Promise<void> };

/** What commands work on: a model and its data. */
export interface OpenedSubject {
  /** Compiled when it is first run. Release it when done. */
  readonly model: OpenedModel;
  readonly data: Dataset;
}
