import { PerturbError } from "../../errors.ts";
import { aFunction, checkKind, checkOptions, type Kinds } from "../../known-options.ts";
import type { Device } from "../../runtime.ts";
import type { WorkPlace } from "../place.ts";
import { setupFor } from "../places/work.ts";
import { coordinator } from "./coordinator.node.ts";
import { setupBytes } from "./messages.node.ts";
import { fullStore, isFull, openStore } from "./store.node.ts";

export interface QueueOptions {
  /** Told who is at work, and what is waited for; by default nobody is. */
  readonly say?: (text: string) => void;
}

const KINDS: Kinds<QueueOptions> = { say: aFunction };

/**
 * A queue in Redis or Valkey as a place to work in: `perturb worker` on any number of machines works on the batches. Blocks are named by what they hold,
 * so that one that is put there twice is worked on once, and each answer is counted once. Those of a worker that went away are taken over.
 * Starting @throws usage for an address that is none, and a model that cannot be sent; unreachable; not-found without bullmq and ioredis
 */
export const queue = (address: string, options: QueueOptions = {}): WorkPlace => {
  checkKind("The address of a queue", address, ["a text", (value) => typeof value === "string"]);
  checkOptions("queue", options, KINDS);
  return queueAt(address, options);
};

const queueAt = (address: string, { say = () => undefined }: QueueOptions): WorkPlace => ({
  async start(job) {
    const setup = await setupFor(job);
    if (!setup)
      throw new PerturbError(
        "usage",
        `${job.model.name} is no model in a file, and cannot be sent to workers. Evaluate it without the queue.`,
      );
    const store = await openStore(address, say);
    try {
      const bytes = await setupBytes({ ...setup, device: job.model.runtime!.device as Device });
      return await coordinator(store, job, bytes, say);
    } catch (error) {
      store.close();
      throw isFull(error) ? fullStore(store.name) : error;
    }
  },
});
