import { type Dataset, withShape } from "../dataset.ts";
import { sha256 } from "../datasets/checksum.ts";
import type { EvaluationResult, Warning } from "../evaluate.ts";
import { withGradient } from "../models/classifier.ts";
import type { GraphModel } from "../models/graph-model.ts";
import { VERSION } from "../version.ts";
import { followUp } from "./follow-up.ts";
import { requireGradients } from "./gradients.ts";
import type { Subject } from "./result.ts";
import { type EvaluateOptions, evaluate as evaluateBy, examplesFor, localEvaluator, planOf } from "./run.ts";

/**
 * Measures a model on data, clean and under attacks, in this thread: accuracy over all samples at each ε, with 95 %
 * intervals. ε is in the units of the model's bounds, by default pixels from 0 to 1. The data is seen in the model's
 * shape where it holds the same elements.
 * @throws usage for options that cannot be; mismatch, out-of-bounds for data that does not fit; cancelled
 */
export async function evaluate(model: GraphModel, data: Dataset, options: EvaluateOptions): Promise<EvaluationResult> {
  const shaped = withShape(data, model.inputShape);
  const examples = options.examples ?? (await examplesFor(options.attacks, shaped));
  const plan = planOf({ ...options, examples }, model);
  await requireGradients(plan, model, () => withGradient(model.file, "cross-entropy"));
  const result = await evaluateBy(await subjectOf(model), shaped, plan, localEvaluator(model, plan, options), options);
  if (options.followUp === false) return result;
  return withWarnings(result, await followUp(model, shaped, plan, result, options));
}

export const withWarnings = (result: EvaluationResult, more: readonly Warning[]): EvaluationResult => ({
  ...result,
  evaluation: { ...result.evaluation, warnings: [...result.evaluation.warnings, ...more] },
});

/** What a report says of a model that is open. */
export async function subjectOf({ file, runtime }: GraphModel): Promise<Subject> {
  const { name, inputShape, classes, head, parameters, bounds } = file;
  return {
    model: { name, sha256: file.sha256 ?? (await sha256(file.onnx)), inputShape, classes, head, parameters, bounds },
    runtime: { name: runtime.name, device: runtime.device },
    version: VERSION,
    straightThrough: file.straightThrough,
  };
}
