import type { Batch } from "../../dataset.ts";
import { PerturbError } from "../../errors.ts";
import type { Evaluator } from "../place.ts";
import type { Tally } from "../results/tally.ts";
import { revive, type WorkerAnswer } from "./work.ts";

/** A thread that evaluates one batch after another: a Node thread, or a browser's worker. */
export interface PoolWorker {
  send(batch: Batch): void;
  /** @param failed when the thread fails, or ends by itself */
  listen(answered: (answer: WorkerAnswer) => void, failed: (error: Error) => void): void;
}

/** Workers that work on one job. `close` ends each after the graph that it runs. */
export type WorkerPool = Evaluator;

interface Waiting {
  readonly batch: Batch;
  readonly resolve: (tally: Tally) => void;
  readonly reject: (error: Error) => void;
}

/** Deals batches to whichever worker is idle. @param end ends the threads */
export function poolOf(workers: readonly PoolWorker[], end: () => Promise<void>): WorkerPool {
  const waiting: Waiting[] = [];
  const idle = [...workers];
  const busy = new Map<PoolWorker, Waiting>();
  let failure: Error | undefined;
  /** Ends all that is under way or waits: nobody will answer any more. */
  const fail = (error: Error): void => {
    failure ??= error;
    for (const job of [...busy.values(), ...waiting.splice(0)]) job.reject(error);
  };
  const next = (): void => {
    while (idle.length > 0 && waiting.length > 0) {
      const worker = idle.pop()!;
      const job = waiting.shift()!;
      busy.set(worker, job);
      worker.send(job.batch);
    }
  };
  for (const worker of workers)
    worker.listen((answer) => {
      const job = busy.get(worker);
      busy.delete(worker);
      idle.push(worker);
      if ("tally" in answer) job?.resolve(answer.tally);
      else job?.reject(revive(answer.error));
      next();
    }, fail);
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
      return end();
    },
  };
}
