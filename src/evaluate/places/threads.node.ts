import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Batch } from "../../dataset.ts";
import { checkCount, PerturbError } from "../../errors.ts";
import { checkOptions, type Kinds } from "../../known-options.ts";
import type { Device } from "../../runtime.ts";
import { threadFailure } from "../../thread-failure.ts";
import { footprint, threadsWithin } from "../course/memory.ts";
import type { WorkPlace } from "../place.ts";
import { here } from "./here.ts";
import { type PoolWorker, poolOf, type WorkerPool } from "./pool.ts";
import { setupFor, type WorkerAnswer, type WorkSetup } from "./work.ts";

/** What a thread works on, and where. */
export interface WorkerSetup extends WorkSetup {
  readonly device: Device;
}

/** What a thread is told: first what it works on, then batches, then to end. */
export type WorkerTask = { readonly setup: WorkerSetup } | { readonly batch: Batch } | "close";

export interface ThreadOptions {
  /** How many, by default one a core, and one for a graphics card. */
  readonly size?: number;
}

const KINDS: Kinds<ThreadOptions> = { size: null };

/** Threads as a place to work in. */
export interface Threads extends WorkPlace {
  /** Lets the threads of the first job load what they need, while the caller opens model and data. `close` them then. */
  boot(): void;
  /** Ends threads that were booted and not started. */
  close(): Promise<void>;
}

/**
 * Threads that evaluate batches, each with a graph runtime of its own: ONNX Runtime's native calls block the thread
 * that makes them, and small graphs gain more from two batches at once than from two cores on one batch. A model that
 * is no graph, or is wrapped, is asked in this thread.
 */
export function threads(options: ThreadOptions = {}): Threads {
  checkOptions("threads", options, KINDS);
  const { size } = options;
  if (size !== undefined) checkCount("the number of threads", size);
  let booted: Booted | undefined;
  return {
    boot: () => {
      booted ??= boot(size ?? workersFor("cpu"));
    },
    close: async () => booted?.close(),
    async start(job) {
      const setup = await setupFor(job);
      if (!setup) return here.start(job);
      const device = job.model.runtime!.device as Device;
      const workers = booted ?? boot(size ?? workersFor(device));
      booted = undefined;
      const { memory = Number.POSITIVE_INFINITY, model, plan } = job;
      return workers.start({ ...setup, device }, threadsWithin(memory, workers.size, footprint(model, plan)));
    },
  };
}

/** A pool at once, for callers that have a plan already. */
export const startPool = (setup: WorkerSetup, size = workersFor(setup.device)): WorkerPool => boot(size).start(setup);

/** How many workers a device is worth. A graphics card is one place. */
export const workersFor = (device: Device): number => (device === "cpu" ? availableParallelism() : 1);

interface Booted {
  readonly size: number;
  /** The pool: once, of at most so many threads; the others end. */
  start(setup: WorkerSetup, most?: number): WorkerPool;
  close(): Promise<void>;
}

function boot(size: number): Booted {
  const workers = Array.from({ length: size }, () => {
    const worker = new Worker(new URL("./worker.node.js", import.meta.url));
    // Until the pool listens, a failure waits in the thread's exit.
    worker.on("error", () => undefined);
    // One without work keeps no process alive: an evaluation may be left and never closed.
    worker.unref();
    return { worker, ended: new Promise((resolve) => worker.once("exit", resolve)) };
  });
  const close = async (): Promise<void> => {
    // A thread that is ended inside a native call takes the process with it: each ends itself, between two calls.
    for (const { worker } of workers) {
      worker.ref();
      // An answer that still comes lets go of the thread, and without it the process would end instead of waiting.
      worker.on("message", () => worker.ref());
      worker.postMessage("close" satisfies WorkerTask);
    }
    await Promise.all(workers.map(({ ended }) => ended));
  };
  return {
    size,
    close,
    start(setup, most = size) {
      for (const { worker } of workers.splice(most)) worker.postMessage("close" satisfies WorkerTask);
      for (const { worker } of workers) worker.postMessage({ setup } satisfies WorkerTask);
      return poolOf(
        workers.map(({ worker }) => threadOf(worker)),
        close,
      );
    },
  };
}

const threadOf = (worker: Worker): PoolWorker => ({
  send(batch) {
    worker.ref();
    worker.postMessage({ batch } satisfies WorkerTask);
  },
  listen(answered, failed) {
    worker.on("message", (answer: WorkerAnswer) => {
      worker.unref();
      answered(answer);
    });
    worker.on("error", (cause) => failed(threadFailure(cause)));
    worker.on("exit", (code) =>
      failed(new PerturbError("internal", `A worker thread ended by itself (exit ${code}). Please report this.`)),
    );
  },
});
