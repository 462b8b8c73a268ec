import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { AttackName } from "../attacks/index.ts";
import type { Batch } from "../dataset.ts";
import { type ErrorCode, PerturbError } from "../errors.ts";
import type { ClassifierFile } from "../models/classifier.ts";
import type { Device } from "../runtime.ts";
import type { BatchPlan } from "./batch.ts";
import type { Entry } from "./cascade.ts";
import type { Evaluator } from "./run.ts";
import type { Tally } from "./tally.ts";

/** What a worker works on. */
export interface WorkerSetup {
  readonly file: ClassifierFile;
  readonly device: Device;
  readonly plan: PlanMessage;
  /** The model that transfer attacks work on. */
  readonly surrogate?: ClassifierFile | undefined;
}

/** A plan with attacks by name: functions cannot be sent. */
export type PlanMessage = Omit<BatchPlan, "attacks"> & {
  readonly attacks: readonly (Omit<Entry, "attack"> & { readonly name: AttackName })[];
};

export const planMessage = (plan: BatchPlan): PlanMessage => ({
  ...plan,
  // Workers know the attacks of the registry.
  attacks: plan.attacks.map(({ attack, ...rest }) => ({ ...rest, name: attack.name as AttackName })),
});

export type WorkerAnswer =
  | { readonly tally: Tally }
  | {
      readonly error: {
        readonly code: ErrorCode;
        readonly message: string;
        readonly data: Readonly<Record<string, unknown>>;
        readonly stack: string | undefined;
      };
    };

/** What a worker is told: first what it works on, then batches, then to end. */
export type WorkerTask = { readonly setup: WorkerSetup } | { readonly batch: Batch } | "close";

export interface WorkerPool extends Evaluator {
  /** Ends the threads, each after the graph that it runs. What is not done is rejected as `cancelled`. */
  close(): Promise<void>;
}

interface Job {
  readonly batch: Batch;
  readonly resolve: (tally: Tally) => void;
  readonly reject: (error: Error) => void;
}

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
        workers.map(({ worker }) => worker),
        close,
      );
    },
  };
}

/** A pool at once, for callers that have nothing to open meanwhile. */
export const startPool = (setup: WorkerSetup, size = workersFor(setup.device)): WorkerPool =>
  bootWorkers(size).start(setup);

function poolOf(workers: readonly Worker[], closeAll: () => Promise<void>): WorkerPool {
  const waiting: Job[] = [];
  const idle = [...workers];
  const busy = new Map<Worker, Job>();
  let failure: Error | undefined;
  /** Ends all that is under way or waits: nobody will answer any more. */
  const fail = (error: Error): void => {
    failure = error;
    for (const job of [...busy.values(), ...waiting.splice(0)]) job.reject(error);
  };
  const next = (): void => {
    while (idle.length > 0 && waiting.length > 0) {
      const worker = idle.pop()!;
      const job = waiting.shift()!;
      busy.set(worker, job);
      worker.postMessage({ batch: job.batch } satisfies WorkerTask);
    }
  };
  for (const worker of workers) {
    worker.on("message", (answer: WorkerAnswer) => {
      const job = busy.get(worker);
      busy.delete(worker);
      idle.push(worker);
      if ("tally" in answer) job?.resolve(answer.tally);
      else job?.reject(revive(answer.error));
      next();
    });
    worker.on("error", fail);
    worker.on("exit", (code) => {
      if (!failure)
        fail(new PerturbError("internal", `A worker thread ended by itself (exit ${code}). Please report this.`));
    });
  }
  return {
    concurrency: 2 * workers.length,
    run: (batch) =>
      new Promise((resolve, reject) => {
        if (failure) return reject(failure);
        waiting.push({ batch, resolve, reject });
        next();
      }),
    close() {
      fail(new PerturbError("cancelled", "The workers were closed."));
      return closeAll();
    },
  };
}

function revive({ code, message, data, stack }: Extract<WorkerAnswer, { error: unknown }>["error"]): PerturbError {
  const error = new PerturbError(code, message, { data });
  if (stack) error.stack = stack;
  return error;
}
