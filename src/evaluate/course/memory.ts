import type { Model } from "../../model.ts";
import { type Footprint, footprintOf } from "../../models/classifier/footprint.ts";
import { isGraphModel } from "../../models/classifier/graph-model.ts";
import { type Note, option } from "../../option.ts";
import { product } from "../../tensor.ts";
import { type BatchPlan, needsGradients } from "./batch.ts";

/** Bytes that a whole run may take where nobody says. */
export const MEMORY = 2e9;
/** Samples of a batch, at most, where nobody says. */
const MOST = 100;
/** Bytes of the process, and of each thread, with nothing in them. */
const PROCESS = 150e6;
const THREAD = 60e6;

/** What a run of this model takes. Of a model that is no graph nothing is known. */
export const footprint = (model: Model, plan: BatchPlan): Footprint =>
  isGraphModel(model) ? footprintOf(model.file, needsGradients(plan)) : { sample: 0, thread: 0, once: 0 };

/** How many threads, of at most so many, fit into the memory with a few samples each; at least one. */
export function threadsWithin(memory: number, most: number, { sample, thread, once }: Footprint): number {
  const left = memory - PROCESS - once;
  return Math.max(1, Math.min(most, Math.floor(left / (THREAD + thread + 4 * sample))));
}

/** Samples that each thread may have at a time. @param held bytes of a sample beside the graph */
export function samplesWithin(memory: number, threads: number, of: Footprint, held: number): number {
  const left = memory - PROCESS - of.once - threads * (THREAD + of.thread);
  return Math.max(1, Math.min(MOST, Math.floor(left / threads / (of.sample + held))));
}

/** Bytes of a batch of one in this thread alone, beside the graph: nothing takes less. */
const heldBy = ({ inputShape }: Model, { epsilons }: BatchPlan): number =>
  // A batch waits, is attacked, and has candidates for each ε.
  4 * product(inputShape) * (8 + 3 * epsilons.length);

/** What is said of a memory that a run cannot stay below, one sample at a time in one thread. */
export function memoryNotes(model: Model, plan: BatchPlan, memory: number | undefined): Note[] {
  if (memory === undefined) return [];
  const { sample, thread, once } = footprint(model, plan);
  const least = PROCESS + THREAD + once + thread + sample + heldBy(model, plan);
  if (least <= memory) return [];
  return [
    {
      code: "memory",
      message: `The run takes more memory than ${megabytes(memory)} (${option("memory")}): about ${megabytes(least)} with one thread and one sample at a time, ${megabytes(PROCESS + THREAD)} of them before any model. It goes on so, with the same results.`,
    },
  ];
}

const megabytes = (bytes: number): string => `${Number((bytes / 1e6).toPrecision(3))} MB`;

interface Work {
  readonly model: Model;
  readonly plan: BatchPlan;
  readonly total: number;
  /** Batches in flight: two for each thread, where there are several. */
  readonly concurrency: number;
  readonly memory: number;
}

/** Samples at a time: as many as fit into the memory, and few enough that whoever is idle has some. */
export function batchWithin({ model, plan, total, concurrency, memory }: Work): number {
  const threads = Math.max(1, Math.floor(concurrency / 2));
  const fitting = samplesWithin(memory, threads, footprint(model, plan), heldBy(model, plan));
  return Math.max(1, Math.min(fitting, Math.ceil(total / concurrency)));
}
