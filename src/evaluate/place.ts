import type { Batch } from "../dataset.ts";
import type { Model } from "../model.ts";
import type { BatchPlan } from "./course/batch.ts";
import type { Tally } from "./results/tally.ts";

/** What is to be done with every batch of an evaluation. */
export interface Job {
  readonly model: Model;
  readonly plan: BatchPlan;
  /** The model that transfer attacks work on. */
  readonly surrogate?: Model | undefined;
  /** Bytes that it is to stay below, where somebody counts them. */
  readonly memory?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Works on the batches of one job. Results do not depend on who it is. */
export interface Evaluator {
  /** How many batches are worth having in flight. */
  readonly concurrency: number;
  run(batch: Batch): Promise<Tally>;
  /** Ends it. What is not done is rejected as `cancelled`. */
  close(): Promise<void>;
}

/** Where an evaluation is worked on: this thread (`here`), threads (`threads` in perturb/node), or any other place. */
export interface WorkPlace {
  /** Gets ready for a job. Models that cannot be sent elsewhere are asked in this thread. @throws usage, device */
  start(job: Job): Promise<Evaluator>;
}
