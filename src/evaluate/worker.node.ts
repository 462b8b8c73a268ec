import { parentPort, workerData } from "node:worker_threads";
import { attacks } from "../attacks/index.ts";
import type { Batch } from "../dataset.ts";
import { PerturbError } from "../errors.ts";
import { openClassifier } from "../models/graph-model.ts";
import { nodeRuntime } from "../runtime/ort.node.ts";
import { evaluateBatch } from "./batch.ts";
import type { WorkerAnswer, WorkerSetup, WorkerTask } from "./pool.node.ts";

const { file, device, threads, plan } = workerData as WorkerSetup;
const model = openClassifier(file, nodeRuntime(device, threads));
const resolved = { ...plan, attacks: plan.attacks.map(({ name, options }) => ({ attack: attacks[name], options })) };

parentPort!.on("message", (task: WorkerTask) => {
  if (task === "close") process.exit();
  else void answer(task);
});

async function answer(batch: Batch): Promise<void> {
  const post = (value: WorkerAnswer): void => parentPort!.postMessage(value);
  try {
    post({ tally: await evaluateBatch(model, batch, resolved) });
  } catch (error) {
    const known = error instanceof PerturbError ? error : new PerturbError("internal", String(error), { cause: error });
    const stack = error instanceof Error ? error.stack : undefined;
    post({ error: { code: known.code, message: known.message, data: known.data, stack } });
  }
}
