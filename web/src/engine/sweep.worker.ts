import type { Batch } from "../../../src/dataset.ts";
import { type WorkerAnswer, worker } from "../../../src/evaluate/places/work.ts";
import { webRuntime } from "../../../src/runtime/ort-web.ts";
import type { SweepTask } from "./pool.ts";

let evaluate: Promise<(batch: Batch) => Promise<WorkerAnswer>> | undefined;

self.onmessage = ({ data: task }: MessageEvent<SweepTask>) => {
  // The cores are shared out among the workers, not inside a graph.
  if ("setup" in task)
    evaluate = webRuntime({ device: task.setup.device, threads: 1 }).then((runtime) => worker(task.setup, runtime));
  else
    void evaluate!
      .then((run) => run(task.batch))
      .catch(
        (error: unknown): WorkerAnswer => ({
          error: { code: "runtime", message: String(error), data: {}, stack: undefined },
        }),
      )
      .then((answer) => self.postMessage(answer));
};
