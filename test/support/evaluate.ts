import { fgsm } from "../../src/attacks/gradient/fgsm.ts";
import type { Dataset } from "../../src/dataset.ts";
import { planOf } from "../../src/evaluate/course/plan.ts";
import { type EvaluateOptions, type Evaluator, evaluate, localEvaluator } from "../../src/evaluate/course/run.ts";
import type { Subject } from "../../src/evaluate/results/result.ts";
import type { EvaluationResult } from "../../src/evaluate.ts";
import type { ClassifierFile } from "../../src/models/classifier/classifier.ts";
import { openClassifier } from "../../src/models/classifier/graph-model.ts";
import { nodeRuntime } from "../../src/runtime/ort.node.ts";
import type { Runtime } from "../../src/runtime.ts";

export const EPSILONS = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3];

export interface Given extends Partial<EvaluateOptions> {
  readonly runtime?: Runtime;
  /** Wraps the evaluator of this thread. */
  readonly through?: (evaluator: Evaluator) => Evaluator;
}

/** Evaluates a classifier in this thread, by default by FGSM at the six budgets of the main job. */
export async function run(
  file: ClassifierFile,
  data: Dataset,
  { runtime = nodeRuntime("cpu", 1), through = (e) => e, ...rest }: Given = {},
): Promise<EvaluationResult> {
  const options: EvaluateOptions = { attacks: [fgsm], epsilons: EPSILONS, ...rest };
  const model = openClassifier(file, runtime);
  try {
    const plan = planOf(options, model);
    const { name, inputShape, classes, head, parameters, bounds } = file;
    const subject: Subject = {
      model: { name, sha256: "0".repeat(64), inputShape, classes, head, parameters, bounds },
      runtime: { name: runtime.name, device: runtime.device },
      version: "0.0.0",
      straightThrough: file.straightThrough,
    };
    return await evaluate(subject, data, plan, through(localEvaluator(model, plan, options)), options);
  } finally {
    await model.release();
  }
}

/** The counts of a result: clean, then each point. */
export const counts = ({ evaluation }: EvaluationResult): number[] => [
  evaluation.clean.correct,
  ...evaluation.points.map((p) => p.correct),
];
