import { type Dataset, shapeAt } from "../dataset.ts";
import { drawn, shuffled } from "../datasets/draw.ts";
import { checkCount, PerturbError } from "../errors.ts";
import type { Warning } from "../evaluate.ts";
import { checkKind, checkOptions, having, type Kind, type Kinds } from "../known-options.ts";
import { checkSamples, type Model } from "../model.ts";
import { isGraphModel, isPlainGraph } from "../models/classifier/graph-model.ts";
import { networkShape } from "../models/classifier/picture-sizes.ts";
import { type Note, option } from "../option.ts";
import { assumptionsOf, classesHint } from "./checks/assumptions.ts";
import { budgetNotes } from "./checks/budget-units.ts";
import { checkBudgets } from "./checks/budgets.ts";
import { firstSamplesWarnings } from "./checks/first-samples.ts";
import { requireGradients } from "./checks/gradients.ts";
import { checkLabelSets } from "./checks/label-sets.ts";
import type { BatchPlan } from "./course/batch.ts";
import { memoryNotes } from "./course/memory.ts";
import { examplesFor, learners, type PlanOptions, planOf } from "./course/plan.ts";
import { LINEARITY_SAMPLES } from "./linear/linearity.ts";
import { fitting } from "./units.ts";

/** What is done, and with which samples. */
export interface AttackOptions extends PlanOptions {
  /** Samples at a time, by default up to 100, as many as fit into `memory`. Results do not depend on it. */
  readonly batch?: number;
  /** Bytes that the whole run is to stay below, by default 2e9: threads and batch follow it. Results do not depend on it. */
  readonly memory?: number;
  /** Samples in all; by default all from `offset` on. Which of them is for `order` to say. */
  readonly limit?: number;
  /**
   * Which samples a `limit` leaves: "file" takes the first from `offset` on; "seed" draws them from the whole set, of each class its
   * share. By default "file" where an `offset` is given and for sets that mix their classes, such as MNIST; else "seed".
   */
  readonly order?: Order;
  readonly signal?: AbortSignal;
}

export type Order = "file" | "seed";

/** What can be known before the first sample is asked about. */
export interface Opened {
  /** In the shape of the model. */
  readonly data: Dataset;
  readonly plan: BatchPlan;
  /** The samples that the options allow, and those of them that there are. */
  readonly limit: number;
  readonly total: number;
  /** What was assumed of model, data and options. */
  readonly warnings: readonly Warning[];
  /** What was done to the samples that were read so far, to fit the model. */
  readonly notes: () => readonly Note[];
}

/** Who opens, and the options that it takes beside those of attacks. */
interface Door {
  readonly of: string;
  readonly more?: Readonly<Record<string, Kind>>;
  /** Whether samples come in a random order, and in runs of how many. */
  readonly shuffle?: number | undefined;
}

export const ORDER: Kind = ['"file" or "seed"', (value) => value === "file" || value === "seed"];

const ATTACK_OPTIONS: Kinds<AttackOptions> = {
  attacks: null,
  norm: null,
  epsilons: null,
  target: null,
  seed: null,
  offset: null,
  limit: null,
  order: ORDER,
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
export async function open(
  model: Model,
  given: Dataset,
  options: AttackOptions,
  { of, more, shuffle }: Door,
): Promise<Opened> {
  checkKind("The model", model, having("a model, such as openModel gives", "logits"));
  checkKind("The data", given, having("a data set, such as openDataset or datasetOf gives", "batches"));
  // Of options that stand beside their attack the plan says more.
  if (!("options" in options)) checkOptions(of, options, { ...ATTACK_OPTIONS, ...more });
  const { data: whole, notes } = fitted(model, given);
  checkLabelSets(model, whole, options);
  for (const one of [model, options.surrogate])
    if (one) checkSamples(one, { name: whole.name, size: whole.drawn?.of ?? whole.size });
  if (whole.shapeOf) checkSizes(whole, model, options);
  const { batch, offset = 0 } = options;
  if (batch !== undefined) checkCount("the batch", batch);
  if (options.memory !== undefined) checkCount(`the memory (${option("memory")})`, options.memory);
  const { data, limit, total } = chosen(whole, options, shuffle);
  await requireSamples(model, fitting(given, model).data, offset);
  const examples = options.examples ?? (await examplesFor(options.attacks, fitting(given, model).data, options.seed));
  const plan = {
    ...planOf({ ...options, eot: options.eot ?? drawsFor(model), examples }, model),
    linear: data.drawn?.indices.slice(0, LINEARITY_SAMPLES),
  };
  checkBudgets(plan, model);
  await requireGradients(plan, model, () => isGraphModel(model) && model.differentiated("cross-entropy"));
  const warnings = [
    ...assumptionsOf(whole, model.classes),
    ...firstSamplesWarnings(data, offset, total),
    ...(whole.notes ?? []),
    ...(model.notes ?? []),
    ...budgetNotes(plan, model),
    ...memoryNotes(model, plan, options.memory),
  ];
  return { data, plan, limit, total, warnings, notes };
}

/** Over how many draws attacks average by default: those of a defence that draws at random are as in AutoAttack's version for such models. */
const drawsFor = (model: Model): number => (isGraphModel(model) && model.file.defence?.isRandom ? 20 : 1);

/** The data in the units of the model. @throws mismatch */
export function fitted(model: Model, given: Dataset): ReturnType<typeof fitting> {
  const found = fitting(given, model);
  const { data } = found;
  if (data.classes > model.classes)
    throw new PerturbError(
      "mismatch",
      `${data.name} has ${data.classes} classes and ${model.name} only ${model.classes}. Check that data and model belong together.${classesHint(data)}`,
    );
  return found;
}

/** Options that say which samples of a set are worked on. */
interface Which {
  readonly offset?: number | undefined;
  readonly limit?: number | undefined;
  readonly order?: Order | undefined;
  readonly seed?: number | undefined;
}

/** The samples of a set, or a draw of them; work begins at the offset. */
interface Chosen {
  readonly data: Dataset;
  readonly limit: number;
  readonly total: number;
}

/** @throws usage for an offset or limit that is no count, or leaves no sample */
export function chosen(whole: Dataset, options: Which, shuffle?: number): Chosen {
  const { offset = 0, limit = whole.size, seed = 0 } = options;
  if (!(Number.isSafeInteger(offset) && offset >= 0))
    throw new PerturbError("usage", `The offset must be a whole number of at least 0, got ${offset}.`);
  if (!(Number.isSafeInteger(limit) && limit >= 0))
    throw new PerturbError("usage", `The limit must be a whole number of at least 0, got ${limit}.`);
  const total = Math.max(0, Math.min(whole.size - offset, limit));
  if (total === 0)
    throw new PerturbError(
      "usage",
      `${whole.name} has ${whole.size} samples, and ${option("offset", offset)} ${option("limit", limit)} leaves none of them. Lower the offset.`,
    );
  if (shuffle !== undefined) return { data: shuffled(whole, total, seed, shuffle), limit, total };
  return { data: isDrawn(whole, total, options) ? drawn(whole, total, seed) : whole, limit, total };
}

/** @throws usage, mismatch for samples of several shapes, where the model takes one, or an attack learns from samples */
function checkSizes(data: Dataset, model: Model, { attacks, surrogate }: AttackOptions): void {
  const models: Model[] = surrogate ? [model, surrogate] : [model];
  for (const one of models) {
    if (isPlainGraph(one) && one.file.picture) continue;
    throw new PerturbError(
      "mismatch",
      `The samples of ${data.name} have several shapes, and ${one.name} takes [${one.inputShape}]. Open the model for pictures at their own size (${option("perturb", "picture")}), or have them resized.`,
    );
  }
  const shapes = new Map(Array.from({ length: data.size }, (_, i) => [String(shapeAt(data, i)), shapeAt(data, i)]));
  for (const { file } of models.filter(isPlainGraph)) for (const shape of shapes.values()) networkShape(file, shape);
  const learning = learners(attacks);
  if (learning.length > 0)
    throw new PerturbError(
      "usage",
      `${learning.join(" and ")} ${learning.length === 1 ? "learns" : "learn"} from other samples, and those of ${data.name} have several sizes. Give pictures of one size, or another attack.`,
    );
}

/** Of a graph that fixes a batch of several rows, data may show what made-up samples do not. @throws unsupported */
async function requireSamples(model: Model, data: Dataset, offset: number): Promise<void> {
  if (!isPlainGraph(model) || (model.file.batch ?? 1) === 1 || model.file.rows) return;
  const { requireIndependent, TRIED } = await import("../models/classifier/batching.ts");
  for await (const { x } of data.batches({ batch: TRIED, offset, limit: TRIED })) await requireIndependent(model, x);
}

/** Whether a draw leaves `total` of the samples. @throws usage for one from an offset on */
function isDrawn({ size, mixed = false }: Dataset, total: number, { offset = 0, order }: Which): boolean {
  if (order === "seed" && offset > 0)
    throw new PerturbError(
      "usage",
      `${option("order", "seed")} draws from all samples, and ${option("offset", offset)} leaves some out. Leave one of them out.`,
    );
  return total < size && (order ?? (offset > 0 || mixed ? "file" : "seed")) === "seed";
}
