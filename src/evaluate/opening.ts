import { type Dataset, withShape } from "../dataset.ts";
import { checkCount, PerturbError } from "../errors.ts";
import { checkKind, checkOptions, having, type Kind, type Kinds } from "../known-options.ts";
import type { Model } from "../model.ts";
import { isGraphModel } from "../models/classifier/graph-model.ts";
import { option } from "../option.ts";
import { requireGradients } from "./checks/gradients.ts";
import type { BatchPlan } from "./course/batch.ts";
import { examplesFor, type PlanOptions, planOf } from "./course/plan.ts";

/** What is done, and with which samples. */
export interface AttackOptions extends PlanOptions {
  /** Samples at a time, by default up to 100, as many as fit into `memory`. Results do not depend on it. */
  readonly batch?: number;
  /** Bytes that the whole run is to stay below, by default 2e9: threads and batch follow it. Results do not depend on it. */
  readonly memory?: number;
  /** Samples in all, from `offset` on; by default all. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
}

/** What can be known before the first sample is asked about. */
export interface Opened {
  /** In the shape of the model. */
  readonly data: Dataset;
  readonly plan: BatchPlan;
  /** The samples that the options allow, and those of them that there are. */
  readonly limit: number;
  readonly total: number;
}

/** Who opens, and the options that it takes beside those of attacks. */
interface Door {
  readonly of: string;
  readonly more?: Readonly<Record<string, Kind>>;
}

const ATTACK_OPTIONS: Kinds<AttackOptions> = {
  attacks: null,
  norm: null,
  epsilons: null,
  target: null,
  seed: null,
  offset: null,
  limit: null,
  batch: null,
  memory: null,
  eot: null,
  levels: null,
  maxQueries: null,
  surrogate: having("a model with gradients", "logits", "gradient"),
  examples: having("samples with labels and indices"),
  signal: having("the signal of an AbortController", "throwIfAborted"),
};

/**
 * Checks that model, data and options fit each other, and makes the plan for each batch.
 * @throws usage, mismatch, unsupported; no-gradient for attacks that need what the model has not
 */
export async function open(model: Model, given: Dataset, options: AttackOptions, { of, more }: Door): Promise<Opened> {
  checkKind("The model", model, having("a model, such as openModel gives", "logits"));
  checkKind("The data", given, having("a data set, such as openDataset or datasetOf gives", "batches"));
  // Of options that stand beside their attack the plan says more.
  if (!("options" in options)) checkOptions(of, options, { ...ATTACK_OPTIONS, ...more });
  const data = withShape(given, model.inputShape);
  if (data.classes > model.classes)
    throw new PerturbError(
      "mismatch",
      `${data.name} has ${data.classes} classes and ${model.name} only ${model.classes}. Check that data and model belong together.`,
    );
  const { offset = 0, limit = data.size, batch } = options;
  if (!(Number.isSafeInteger(offset) && offset >= 0))
    throw new PerturbError("usage", `The offset must be a whole number of at least 0, got ${offset}.`);
  if (!(Number.isSafeInteger(limit) && limit >= 0))
    throw new PerturbError("usage", `The limit must be a whole number of at least 0, got ${limit}.`);
  if (batch !== undefined) checkCount("the batch", batch);
  if (options.memory !== undefined) checkCount(`the memory (${option("memory")})`, options.memory);
  const total = Math.max(0, Math.min(data.size - offset, limit));
  if (total === 0)
    throw new PerturbError(
      "usage",
      `${data.name} has ${data.size} samples, and ${option("offset", offset)} ${option("limit", limit)} leaves none of them. Lower the offset.`,
    );
  const examples = options.examples ?? (await examplesFor(options.attacks, data));
  const plan = planOf({ ...options, examples }, model);
  await requireGradients(plan, model, () => isGraphModel(model) && model.differentiated("cross-entropy"));
  return { data, plan, limit, total };
}
