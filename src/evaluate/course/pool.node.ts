import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Batch } from "../../dataset.ts";
import { PerturbError } from "../../errors.ts";
import type { Device } from "../../runtime.ts";
import { type PoolWorker, poolOf, type WorkerPool } from "./pool.ts";
import type { WorkerAnswer, WorkSetup } from "./work.ts";

/** What a thread works on, and where. */
export interface WorkerSetup extends WorkSetup {
  readonly device: Device;
}

/** What a thread is told: first what it works on, then batches, then to end. */
export type WorkerTask = { readonly setup: WorkerSetup } | { readonly batch: Batch } | "close";

/** Threads that have begun to load what they need, and wait to be told what to work on. */
export interface BootedWorkers {
  /** The pool: once. */
  start(setup: WorkerSetup): WorkerPool;
  /** Ends threads that were never started. */
  close(): Promise<void>;
}

/** How many workers a device is worth. A graphics card is one place. */
export const workersFor = (device: Device): number => (device === "cpu" ? availableParallelism() : 1);

/**
 * Threads that evaluate batches, each with a graph runtime of its own: ONNX Runtime's native calls block the thread
 * that makes them, and small graphs gain more from two batches at once than from two cores on one batch. They load
 * while the caller opens model and data.
 */
export function bootWorkers(size: number): BootedWorkers {
  const workers = Array.from({ length: size }, () => {
    const worker = new Worker(new URL("./worker.node.js", import.meta.url));
    // Until the pool listens, a failure waits in the thread's exit.
    worker.on("error", () => undefined);
    return { worker, ended: new Promise((resolve) => worker.once("exit", resolve)) };
  });
  const close = async (): Promise<void> => {
    // A thread that is ended inside a native call takes the process with it: each ends itself, between two calls.
    for (const { worker } of workers) worker.postMessage("close" satisfies WorkerTask);
    await Promise.all(workers.map(({ ended }) => ended));
  };
  return {
    close,
    start(setup) {
      for (const { worker } of workers) worker.postMessage({ setup } satisfies WorkerTask);
      return poolOf(
        workers.map(({ worker }) => threadOf(worker)),
        close,
      );
    },
  };
}

/** A pool at once, for callers that have nothing to open meanwhile. */
export const startPool = (setup: WorkerSetup, size = workersFor(setup.device)): WorkerPool =>
  bootWorkers(size).start(setup);

const threadOf = (worker: Worker): PoolWorker => ({
  send: (batch) => worker.postMessage({ batch } satisfies WorkerTask),
  listen(answered, failed) {
    worker.on("message", (answer: WorkerAnswer) => answered(answer));
    worker.on("error", failed);
    worker.on("exit", (code) =>
      failed(new PerturbError("internal", `A worker thread ended by itself (exit ${code}). Please report this.`)),
    );
  },
});
