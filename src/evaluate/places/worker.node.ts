import { parentPort } from "node:worker_threads";
import type { Batch } from "../../dataset.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import type { WorkerTask } from "./threads.node.ts";
import { type WorkerAnswer, worker } from "./work.ts";

let evaluate: ((batch: Batch) => Promise<WorkerAnswer>) | undefined;

parentPort!.on("message", (task: WorkerTask) => {
  if (task === "close") process.exit();
  // One thread inside ONNX Runtime: the others are workers too.
  else if ("setup" in task) evaluate = worker(task.setup, nodeRuntime(task.setup.device, 1));
  else void evaluate!(task.batch).then((answer) => parentPort!.postMessage(answer));
});
