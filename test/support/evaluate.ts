import { fgsm } from "../../src/attacks/gradient/fgsm.ts";
import type { Dataset } from "../../src/dataset.ts";
import { type EvaluateOptions, evaluate, type OnProgress } from "../../src/evaluate/evaluation.ts";
import type { Evaluator } from "../../src/evaluate/place.ts";
import { here } from "../../src/evaluate/places/here.ts";
import type { EvaluationResult } from "../../src/evaluate.ts";
import type { ClassifierFile } from "../../src/models/classifier/classifier.ts";
import { openClassifier } from "../../src/models/classifier/graph-model.ts";
import { nodeRuntime } from "../../src/runtime/ort.node.ts";
import type { Runtime } from "../../src/runtime.ts";

export const EPSILONS = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3];

export interface Given extends Partial<EvaluateOptions> {
  readonly onProgress?: OnProgress;
  readonly runtime?: Runtime;
  /** Wraps the evaluator of this thread. */
  readonly through?: (evaluator: Evaluator) => Evaluator;
}

/** Evaluates a classifier in this thread, by default by FGSM at the six budgets of the main job, without the checks that follow. */
export async function run(
  file: ClassifierFile,
  data: Dataset,
  { runtime = nodeRuntime("cpu", 1), through = (e) => e, ...rest }: Given = {},
): Promise<EvaluationResult> {
  const model = openClassifier(file, runtime);
  const place = { start: async (job: Parameters<typeof here.start>[0]) => through(await here.start(job)) };
  try {
    return await evaluate(model, data, { attacks: [fgsm], epsilons: EPSILONS, followUp: false, place, ...rest });
  } finally {
    await model.release();
  }
}

/** The counts of a result: clean, then each point. */
export const counts = ({ evaluation }: EvaluationResult): number[] => [
  evaluation.clean.correct,
  ...evaluation.points.map((p) => p.correct),
];
