import { type Dataset, withShape } from "../../dataset.ts";
import type { EvaluationResult } from "../../evaluate.ts";
import type { Model } from "../../model.ts";
import { isGraphModel } from "../../models/classifier/graph-model.ts";
import { sha256 } from "../../sha256.ts";
import { VERSION } from "../../version.ts";
import { followUp } from "../checks/follow-up.ts";
import { requireGradients } from "../checks/gradients.ts";
import { type Subject, withWarnings } from "../results/result.ts";
import { examplesFor, planOf } from "./plan.ts";
import { type EvaluateOptions, evaluate as evaluateBy, localEvaluator } from "./run.ts";

/**
 * Measures a model on data, clean and under attacks, in this thread, which may be a graph or any other model: accuracy over all samples at each ε, with 95 %
 * intervals. ε is in the units of the model's bounds, by default pixels from 0 to 1. The data is seen in the model's
 * shape where it holds the same elements.
 * @throws usage for options that cannot be; no-gradient for attacks that need what the model has not; mismatch, out-of-bounds for data that does not fit; cancelled
 */
export async function evaluate(model: Model, data: Dataset, options: EvaluateOptions): Promise<EvaluationResult> {
  const shaped = withShape(data, model.inputShape);
  const examples = options.examples ?? (await examplesFor(options.attacks, shaped));
  const plan = planOf({ ...options, examples }, model);
  await requireGradients(plan, model, () => isGraphModel(model) && model.prepare("cross-entropy"));
  const result = await evaluateBy(await subjectOf(model), shaped, plan, localEvaluator(model, plan, options), options);
  if (options.followUp === false) return result;
  return withWarnings(result, await followUp(model, shaped, plan, result, options));
}

/** What a report says of a model that is open. */
export async function subjectOf(model: Model): Promise<Subject> {
  if (!isGraphModel(model)) {
    const { name, inputShape, classes, head, bounds } = model;
    return {
      model: { name, sha256: null, inputShape, classes, head, parameters: null, bounds },
      runtime: { name: "a function", device: "unknown" },
      version: VERSION,
    };
  }
  const { file, runtime } = model;
  const { name, inputShape, classes, head, parameters, bounds } = file;
  return {
    model: { name, sha256: file.sha256 ?? (await sha256(file.onnx)), inputShape, classes, head, parameters, bounds },
    runtime: { name: runtime.name, device: runtime.device },
    version: VERSION,
    straightThrough: file.straightThrough,
  };
}
