import type { Dataset } from "../../../src/dataset.ts";
import { writeNpz } from "../../../src/datasets/npz.ts";
import { openEvaluation } from "../../../src/evaluate/evaluation.ts";
import type { EvaluationResult } from "../../../src/evaluate.ts";
import type { GraphModel } from "../../../src/models/classifier/graph-model.ts";
import { exampleArrays } from "../../../src/report/files/npz.ts";
import { product } from "../../../src/tensor.ts";
import type { ModelResult, RunProgress, RunRequest } from "../engine.ts";
import type { Gate } from "./gate.ts";
import type { OpenedModel } from "./opened.ts";
import { wantedBy } from "./plans.ts";
import { sweepWorkers, workersFor } from "./pool.ts";

/** Milliseconds between two reports of progress: each is a whole evaluation so far. */
const PACE = 200;
/** Samples in a batch, and values. */
const BATCH = 100;
const BATCH_VALUES = 2 ** 19;

/** What one evaluation is done with. */
export interface Means {
  readonly surrogate: GraphModel | undefined;
  readonly gate: Gate;
  readonly signal: AbortSignal;
  readonly hear: (progress: RunProgress) => void;
}

/** One model's evaluation on data of its shape: its counts are those of `perturb evaluate`. What is stopped ends early. */
export async function evaluateModel(
  { model, info }: OpenedModel,
  data: Dataset,
  request: RunRequest,
  { surrogate, gate, signal, hear }: Means,
): Promise<{ result: EvaluationResult; stopped: boolean }> {
  const { limit, offset } = request;
  const evaluation = await openEvaluation(model, data, {
    ...(await wantedBy(data, { ...request, surrogate })),
    limit,
    offset,
    batch: batchFor(request, model.inputShape, workersFor({ file: model.file, device: info.device })),
    place: sweepWorkers(info.device, gate),
    onRecords: () => undefined,
    signal,
  });
  const [began, heldBefore] = [performance.now(), gate.held()];
  let told = 0;
  let latest: (() => EvaluationResult) | undefined;
  try {
    const result = await evaluation.finish(({ done, total, soFar }) => {
      latest = soFar;
      const now = performance.now();
      if (now - told < PACE && done < total) return;
      told = now;
      const rate = done / ((now - began - (gate.held() - heldBefore)) / 1000);
      hear({ model: info.id, done, total, rate, evaluation: soFar().evaluation });
    });
    return { result, stopped: false };
  } catch (error) {
    if (!(signal.aborted && latest)) throw error;
    return { result: latest(), stopped: true };
  } finally {
    await evaluation.close();
  }
}

/** The examples of a result as a .npz. */
export const exampleFile = (result: EvaluationResult): Uint8Array => writeNpz(exampleArrays(result));

/** Few samples are cut up too, so that every worker has some. Results do not depend on it. */
function batchFor({ limit }: RunRequest, shape: readonly number[], workers: number): number {
  const most = Math.min(BATCH, Math.floor(BATCH_VALUES / product(shape)), Math.ceil(limit / (2 * workers)));
  return Math.max(1, most);
}

/** A result as the page shows it. */
export const shown = (model: string, { evaluation, pictures, cleanExamples }: EvaluationResult): ModelResult => ({
  model,
  evaluation,
  examples: evaluation.points.map(({ examples }, i) =>
    examples.flatMap((example, j) => {
      const picture = pictures[i]?.[j];
      return picture ? [{ ...example, ...picture }] : [];
    }),
  ),
  cleanExamples,
});
