import type { Batch } from "../../../src/dataset.ts";
import { PerturbError } from "../../../src/errors.ts";
import type { WorkPlace } from "../../../src/evaluate/place.ts";
import { here } from "../../../src/evaluate/places/here.ts";
import { type PoolWorker, poolOf, type WorkerPool } from "../../../src/evaluate/places/pool.ts";
import { setupFor, type WorkerAnswer, type WorkSetup } from "../../../src/evaluate/places/work.ts";
import type { WebDevice } from "../engine.ts";
import type { Gate } from "./gate.ts";

/** What a sweep worker works on, and where. */
export interface SweepSetup extends WorkSetup {
  readonly device: WebDevice;
}
/** First what it works on, then batches. */
export type SweepTask = { readonly setup: SweepSetup } | { readonly batch: Batch };

/** Each worker holds the graphs and what they need to run: together they may take about so many bytes. */
const MEMORY = 2 ** 30;
const BYTES_OF_MODEL = 4;

/** How many workers a model is worth here. A graphics card is one place. */
export function workersFor({ file, device }: Pick<SweepSetup, "file" | "device">): number {
  if (device !== "cpu") return 1;
  return Math.max(1, Math.min(navigator.hardwareConcurrency, Math.floor(MEMORY / (BYTES_OF_MODEL * file.onnx.length))));
}

/**
 * Workers of the browser as a place to work in: each with one thread in its graphs, so that no isolation is needed. They wait
 * at the gate where it is closed, and end when the signal fires.
 */
export const sweepWorkers = (device: WebDevice, gate: Gate): WorkPlace => ({
  async start(job) {
    const setup = await setupFor(job);
    const pool = setup ? startSweepPool({ ...setup, device }) : await here.start(job);
    const stop = () => void pool.close();
    job.signal?.addEventListener("abort", stop);
    // What was stopped while the above was made ready does not begin.
    if (job.signal?.aborted) stop();
    return {
      concurrency: pool.concurrency,
      async run(batch) {
        await gate.pass();
        return pool.run(batch);
      },
      async close() {
        job.signal?.removeEventListener("abort", stop);
        await pool.close();
      },
    };
  },
});

function startSweepPool(setup: SweepSetup): WorkerPool {
  const workers = Array.from(
    { length: workersFor(setup) },
    () => new Worker(new URL("./sweep.worker.ts", import.meta.url), { type: "module", name: "sweep" }),
  );
  for (const worker of workers) worker.postMessage({ setup } satisfies SweepTask);
  return poolOf(workers.map(threadOf), async () => {
    for (const worker of workers) worker.terminate();
  });
}

const threadOf = (worker: Worker): PoolWorker => ({
  send: (batch) => worker.postMessage({ batch } satisfies SweepTask),
  listen(answered, failed) {
    worker.onmessage = ({ data }: MessageEvent<WorkerAnswer>) => answered(data);
    worker.onerror = (event) => {
      event.preventDefault();
      failed(
        new PerturbError(
          "internal",
          `A worker of the page failed: ${event.message ?? "it could not be loaded"}. Reload the page.`,
        ),
      );
    };
  },
});
