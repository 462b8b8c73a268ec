import { parentPort } from "node:worker_threads";
import { attacks } from "../attacks/index.ts";
import type { Batch } from "../dataset.ts";
import { PerturbError } from "../errors.ts";
import type { DifferentiableModel } from "../model.ts";
import { openClassifier } from "../models/graph-model.ts";
import { nodeRuntime } from "../runtime/ort.node.ts";
import { type BatchPlan, evaluateBatch } from "./batch.ts";
import type { WorkerAnswer, WorkerSetup, WorkerTask } from "./pool.node.ts";

interface Work {
  readonly model: DifferentiableModel;
  readonly plan: BatchPlan;
  readonly surrogate: DifferentiableModel | undefined;
}
let work: Work | undefined;

parentPort!.on("message", (task: WorkerTask) => {
  if (task === "close") process.exit();
  else if ("setup" in task) work = prepare(task.setup);
  else void answer(work!, task.batch);
});

/** One thread inside ONNX Runtime: the others are workers too. */
function prepare({ file, device, plan, surrogate }: WorkerSetup): Work {
  const runtime = nodeRuntime(device, 1);
  return {
    model: openClassifier(file, runtime),
    plan: { ...plan, attacks: plan.attacks.map(({ name, ...rest }) => ({ ...rest, attack: attacks[name] })) },
    surrogate: surrogate && openClassifier(surrogate, runtime),
  };
}

async function answer({ model, plan, surrogate }: Work, batch: Batch): Promise<void> {
  const post = (value: WorkerAnswer): void => parentPort!.postMessage(value);
  try {
    post({ tally: await evaluateBatch(model, batch, plan, { surrogate }) });
  } catch (error) {
    const known = error instanceof PerturbError ? error : new PerturbError("internal", String(error), { cause: error });
    const stack = error instanceof Error ? error.stack : undefined;
    post({ error: { code: known.code, message: known.message, data: known.data, stack } });
  }
}
