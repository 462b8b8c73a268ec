import { parentPort } from "node:worker_threads";
import { messageOf, PerturbError } from "../../errors.ts";
import { openClassifier } from "../../models/classifier/graph-model.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import { type Counter, counterOf } from "./counter.ts";
import type { DrawAnswer, DrawTask } from "./threads.node.ts";

/** The other end of `drawThreads`: counts draws, one task after another. */
let counter: Counter | undefined;

parentPort!.on("message", (task: DrawTask) => {
  if (task === "close") process.exit();
  if ("file" in task) {
    counter = counterOf(openClassifier(task.file, nodeRuntime("cpu", 1)), task.noise);
    return;
  }
  const answer = (result: DrawAnswer) => parentPort!.postMessage(result);
  const failed = (error: unknown) => {
    const { code, message, data } =
      error instanceof PerturbError ? error : new PerturbError("internal", messageOf(error));
    answer({ error: { code, message, data } });
  };
  counter!(task).then((counts) => answer({ counts }), failed);
});
