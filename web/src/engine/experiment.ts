import type { Dataset } from "../../../src/dataset.ts";
import { writeNpz } from "../../../src/datasets/npz.ts";
import { PerturbError } from "../../../src/errors.ts";
import { followUp } from "../../../src/evaluate/checks/follow-up.ts";
import { subjectOf } from "../../../src/evaluate/course/local.ts";
import { type Evaluator, evaluate } from "../../../src/evaluate/course/run.ts";
import { planMessage } from "../../../src/evaluate/course/work.ts";
import { type Subject, withWarnings } from "../../../src/evaluate/results/result.ts";
import type { EvaluationResult } from "../../../src/evaluate.ts";
import type { ClassifierFile } from "../../../src/models/classifier/classifier.ts";
import type { GraphModel } from "../../../src/models/classifier/graph-model.ts";
import { normalizationOf } from "../../../src/models/classifier/normalization.ts";
import { exampleArrays } from "../../../src/report/files/npz.ts";
import { product } from "../../../src/tensor.ts";
import type { ModelResult, RunProgress, RunRequest } from "../engine.ts";
import type { Gate } from "./gate.ts";
import type { OpenedModel } from "./opened.ts";
import { planned } from "./plans.ts";
import { startSweepPool, workersFor } from "./pool.ts";

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
  if (data.classes > model.classes)
    throw new PerturbError(
      "mismatch",
      `${data.name} has ${data.classes} classes and ${model.name} only ${model.classes}. Choose data that belong to the model.`,
    );
  const { plan, wanted } = await planned(model, data, { ...request, surrogate });
  const subject: Subject = await subjectOf(model);
  const needsGradient = plan.attacks.some(({ attack }) => attack.needs === "gradient");
  const setup = {
    file: needsGradient ? await differentiated(model.file) : model.file,
    plan: planMessage(plan),
    surrogate: surrogate?.file,
    device: info.device,
  };
  const pool = startSweepPool(setup);
  const evaluator: Evaluator = {
    concurrency: pool.concurrency,
    async run(batch) {
      await gate.pass();
      return pool.run(batch);
    },
  };
  const stop = () => void pool.close();
  signal.addEventListener("abort", stop);
  // What was stopped while the above was made ready does not begin.
  if (signal.aborted) stop();
  const [began, heldBefore] = [performance.now(), gate.held()];
  let told = 0;
  let latest: (() => EvaluationResult) | undefined;
  try {
    const options = {
      ...wanted,
      limit: request.limit,
      offset: request.offset,
      batch: batchFor(request, model.inputShape, workersFor(setup)),
      signal,
      onProgress: ({ done, total, soFar }: { done: number; total: number; soFar: () => EvaluationResult }) => {
        latest = soFar;
        const now = performance.now();
        if (now - told < PACE && done < total) return;
        told = now;
        const rate = done / ((now - began - (gate.held() - heldBefore)) / 1000);
        hear({ model: info.id, done, total, rate, evaluation: soFar().evaluation });
      },
    };
    const result = await evaluate(subject, data, plan, evaluator, options);
    const normalization = normalizationOf(info.options);
    const warnings = await followUp(model, data, plan, result, { surrogate, signal, normalization });
    return { result: withWarnings(result, warnings), stopped: false };
  } catch (error) {
    if (!(signal.aborted && latest)) throw error;
    return { result: latest(), stopped: true };
  } finally {
    signal.removeEventListener("abort", stop);
    await pool.close();
  }
}

/** With its gradient made, so that no worker has to. */
async function differentiated(file: ClassifierFile): Promise<ClassifierFile> {
  if (file.gradients?.["cross-entropy"]) return file;
  const { withGradient } = await import("../../../src/models/classifier/classifier.ts");
  return withGradient(file, "cross-entropy");
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
