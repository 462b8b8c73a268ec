import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { AttackName } from "../attacks/index.ts";
import type { Batch } from "../dataset.ts";
import { type ErrorCode, PerturbError } from "../errors.ts";
import type { ClassifierFile } from "../models/graph-model.ts";
import type { Device } from "../runtime.ts";
import type { BatchPlan } from "./batch.ts";
import type { Evaluator } from "./run.ts";
import type { Tally } from "./tally.ts";

/** What a worker is started with. */
export interface WorkerSetup {
  readonly file: ClassifierFile;
  readonly device: Device;
  readonly threads: number;
  /** The plan, with attacks by name: functions cannot be sent. */
  readonly plan: Omit<BatchPlan, "attacks"> & {
    readonly attacks: readonly { readonly name: AttackName; readonly options: object }[];
  };
}

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

/** What a worker is asked for: a batch, or to end. */
export type WorkerTask = Batch | "close";

export interface WorkerPool extends Evaluator {
  /** Ends the threads, each after the graph that it runs. What is not done is rejected as `cancelled`. */
  close(): Promise<void>;
}

interface Job {
  readonly batch: Batch;
  readonly resolve: (tally: Tally) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Threads that evaluate batches, each with a graph runtime of its own: ONNX Runtime's native calls block the thread
 * that makes them, and small graphs gain more from two batches at once than from two cores on one batch.
 */
export function startPool(
  setup: Omit<WorkerSetup, "threads">,
  size = setup.device === "cpu" ? availableParallelism() : 1,
): WorkerPool {
  const waiting: Job[] = [];
  const idle: Worker[] = [];
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
      worker.postMessage(job.batch satisfies WorkerTask);
    }
  };
  const workers = Array.from({ length: size }, () => {
    const workerData: WorkerSetup = { ...setup, threads: 1 };
    const worker = new Worker(new URL("./worker.node.js", import.meta.url), { workerData });
    idle.push(worker);
    worker.on("message", (answer: WorkerAnswer) => {
      const job = busy.get(worker);
      busy.delete(worker);
      idle.push(worker);
      if ("tally" in answer) job?.resolve(answer.tally);
      else job?.reject(revive(answer.error));
      next();
    });
    worker.on("error", fail);
    return { worker, ended: new Promise((resolve) => worker.once("exit", resolve)) };
  });
  return {
    concurrency: 2 * size,
    run: (batch) =>
      new Promise((resolve, reject) => {
        if (failure) return reject(failure);
        waiting.push({ batch, resolve, reject });
        next();
      }),
    async close() {
      fail(new PerturbError("cancelled", "The workers were closed."));
      // A thread that is ended inside a native call takes the process with it: each ends itself, between two calls.
      for (const { worker } of workers) worker.postMessage("close" satisfies WorkerTask);
      await Promise.all(workers.map(({ ended }) => ended));
    },
  };
}

function revive({ code, message, data, stack }: Extract<WorkerAnswer, { error: unknown }>["error"]): PerturbError {
  const error = new PerturbError(code, message, { data });
  if (stack) error.stack = stack;
  return error;
}
