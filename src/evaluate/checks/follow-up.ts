import type { Batch, Dataset } from "../../dataset.ts";
import { drawn, samplesAt } from "../../datasets/draw.ts";
import { epsilonText } from "../../epsilons.ts";
import type { EvaluationResult, Warning } from "../../evaluate.ts";
import { isDifferentiable, type Model } from "../../model.ts";
import { isGraphModel, modelFor } from "../../models/classifier/graph-model.ts";
import type { Normalization } from "../../models/classifier/preprocess.ts";
import { inPieces } from "../../models/wrapped/in-pieces.ts";
import type { NormName } from "../../norm.ts";
import { option } from "../../option.ts";
import { product, takeRows } from "../../tensor.ts";
import type { BatchContext, BatchPlan } from "../course/batch.ts";
import { goalOf } from "../course/batch.ts";
import { cascade, type Entry, type Subjects } from "../course/cascade.ts";
import { type Advised, addWords, ensemble, strongerWords } from "./advice.ts";
import { atChance } from "./checks.ts";
import { diagnose } from "./diagnose.ts";
import { checkNearer, followGradients } from "./nearer.ts";

/** What the checks that follow an evaluation may cost: one in so many samples, at most so many, and queries for each. */
const ONE_IN = 10;
const SAMPLES = 16;
const QUERIES = 100;
/** How many times the steps an attack gets to show that it had converged. */
const STRONGER = 4;

/** Below this clean accuracy a likely cause is looked for, on so many samples. */
const SUSPICIOUS = 0.9;
const DIAGNOSED = 100;

export interface FollowUpContext extends BatchContext {
  /** The normalization in front of the model, where there is one. */
  readonly normalization?: Normalization | undefined;
  /** Samples that the model is asked about at a time. */
  readonly batch?: number;
}

/**
 * Checks of an evaluation that run the model once more: does it give the same logits twice; does a cheap attack get nearer;
 * does accuracy go to zero where every input is allowed; do more steps still gain (Carlini et al. 2019,
 * https://arxiv.org/abs/1902.06705, §5)? On few samples.
 */
export async function followUp(
  whole: Model,
  data: Dataset,
  plan: BatchPlan,
  { evaluation, notFooled }: EvaluationResult,
  context: FollowUpContext = {},
): Promise<Warning[]> {
  // Of pictures of several sizes the model is that of a size, which only what is not wrapped can give.
  const modelOf = async ({ x }: Batch): Promise<Model> => {
    const sized = await modelFor(whole, x);
    return context.batch === undefined ? sized : inPieces(sized, context.batch);
  };
  const { worst, clean } = evaluation;
  const { total } = evaluation.data;
  const { offset } = data.drawn ? { offset: 0 } : plan;
  const warnings: (Warning | null)[] = [];
  // Of adversarial examples, the model is meant to be wrong on them.
  if (!data.adversarial && (clean.accuracy < SUSPICIOUS || atChance(clean))) {
    const count = Math.min(total, DIAGNOSED);
    // Of a sorted set, the first samples are of one class.
    const spread = !data.mixed && total === data.size && count < total;
    const some = await firstOf(spread ? drawn(data, count, plan.seed) : data, offset, count);
    if (some) warnings.push(await diagnose(await modelOf(some), some, context.normalization, data.classFolders));
  }
  const first = await firstOf(data, offset, Math.min(total, SAMPLES));
  if (first) warnings.push(await checkRandom(await modelOf(first), first, plan));
  const iterated = plan.attacks.filter(isIterated);
  if (iterated.length === 0) return warnings.filter((w) => w !== null);

  const last = notFooled.at(-1) ?? [];
  const count = Math.min(SAMPLES, Math.max(2, Math.ceil(total / ONE_IN)));
  const some = plan.attacks.some(followGradients) ? await firstOf(data, offset, count) : undefined;
  if (some) warnings.push(await checkNearer(await modelOf(some), some, plan, context));
  const farthest = await someAt(data, last.slice(0, count));
  if (farthest) warnings.push(await checkLargeEpsilon(await modelOf(farthest), farthest, plan, iterated, context));
  // Where about half of the correct samples are not fooled, an attack that is nearly strong enough shows.
  const half = worst.map(({ correct }) => Math.abs(correct - clean.correct / 2));
  const k = half.indexOf(Math.min(...half.filter((_, i) => (notFooled[i]?.length ?? 0) > 0)));
  const middle = await someAt(data, (notFooled[k] ?? []).slice(0, count));
  if (middle)
    warnings.push(await checkMoreSteps(await modelOf(middle), middle, plan, plan.epsilons[k]!, iterated, context));
  return warnings.filter((w) => w !== null);
}

/**
 * Attacks that look for themselves in several steps; one step, and noise, cannot converge. `least` runs several of them, and is not done with the
 * first one in so few queries.
 */
const isIterated = ({ attack, options }: Entry): boolean =>
  attack.name !== "least" &&
  attack.baseline === undefined &&
  attack.also === undefined &&
  ("steps" in options || "queries" in options);

const someAt = async (data: Dataset, indices: readonly number[]): Promise<Batch | undefined> =>
  indices.length === 0 ? undefined : samplesAt(data, indices);

async function firstOf(data: Dataset, offset: number, limit: number): Promise<Batch | undefined> {
  for await (const batch of data.batches({ batch: limit, offset, limit })) return batch;
  return undefined;
}

/** A model that draws at random: its gradients, and the judge's verdicts, are draws too. */
async function checkRandom(model: Model, { x, indices }: Batch, plan: BatchPlan): Promise<Warning | null> {
  const [a, b] = [await model.logits(x, indices), await model.logits(x, indices)];
  let [difference, largest] = [0, 0];
  for (let i = 0; i < a.data.length; i++) {
    difference = Math.max(difference, Math.abs(a.data[i]! - b.data[i]!));
    largest = Math.max(largest, Math.abs(a.data[i]!));
  }
  // Threads may add up in another order.
  if (!(difference > 1e-5 * largest)) return null;
  const advised = await advisedBy(model, plan);
  const rand = ensemble(advised, "autoattack-rand");
  const averaging = plan.eot > 1 || plan.attacks.some(({ eot }) => (eot ?? 1) > 1);
  return {
    code: "random-model",
    message: `The model gives different logits when the same samples are given twice: they moved by up to ${difference.toPrecision(3)} on ${x.dims[0]} samples. ${
      averaging
        ? `Attacks average several runs of the model, but each verdict is a single run. Repeat with another ${option("seed")} to see the spread.`
        : `The gradient of a single run misleads attacks, and robust accuracy is then overstated. Average several runs (${option("eot", 20)})${rand ? `, or take the attack ${rand.attack}` : ""}.`
    }`,
  };
}

const LARGEST: Readonly<Record<NormName, ((range: number, elements: number) => number) | null>> = {
  linf: (range) => range,
  l2: (range, elements) => range * Math.sqrt(elements),
  l1: (range, elements) => range * elements,
  // More than there are, where ε counts pixels.
  l0: (_, elements) => elements,
  spatial: null,
};

/** At an ε that allows every input, every sample must be fooled; where one is not, the attack does not see its way. */
async function checkLargeEpsilon(
  model: Model,
  batch: Batch,
  plan: BatchPlan,
  attacks: readonly Entry[],
  context: BatchContext,
): Promise<Warning | null> {
  const { lower, upper } = model.bounds;
  const epsilon = LARGEST[plan.norm]?.(upper - lower, product(model.inputShape));
  if (epsilon === undefined) return null;
  const count = await notFooledBy(
    model,
    batch,
    { ...plan, attacks, epsilons: [epsilon], maxQueries: QUERIES },
    context,
  );
  if (count === 0) return null;
  return {
    code: "large-epsilon",
    message: `At ε = ${Number(epsilon.toPrecision(4))}, the budget allows every input, yet ${count} of ${batch.labels.length} samples are not fooled after ${QUERIES} queries each. The attack is too weak, gradients are masked, or the model gives one class to every input.${addWords(await advisedBy(model, plan))}`,
  };
}

/** More steps and restarts must gain next to nothing, or the attack had not converged. */
async function checkMoreSteps(
  model: Model,
  batch: Batch,
  plan: BatchPlan,
  epsilon: number,
  attacks: readonly Entry[],
  context: BatchContext,
): Promise<Warning | null> {
  const before = batch.labels.length;
  const entry = attacks.find(({ attack }) => attack.needs === "gradient") ?? attacks[0]!;
  const stronger = { ...entry, options: strengthened(entry.options) };
  const limit = STRONGER * QUERIES;
  const count = await notFooledBy(
    model,
    batch,
    { ...plan, attacks: [stronger], epsilons: [epsilon], maxQueries: limit },
    context,
  );
  if (count === before) return null;
  return {
    code: "more-steps-gain",
    message: `${entry.attack.name} with ${strengthenedWords(entry.options)} fools ${before - count} of ${before} samples that were not fooled at ε = ${epsilonText(epsilon)}. It had not converged, so robust accuracy is overstated.${strongerWords(await advisedBy(model, plan), [entry], false)}`,
  };
}

function strengthened(options: object): object {
  const values = Object.entries(options).map(([name, value]) => {
    if (name === "steps" || name === "queries") return [name, STRONGER * Number(value)];
    return [name, name === "restarts" ? Number(value) + 1 : value];
  });
  return Object.fromEntries(values);
}

/** "4 times the steps and one more restart". */
const strengthenedWords = (options: object): string =>
  `${STRONGER} times the ${"steps" in options ? "steps" : "queries"}${"restarts" in options ? " and one more restart" : ""}`;

/** What advice must fit. A graph has gradients where they can be made. */
async function advisedBy(model: Model, plan: BatchPlan): Promise<Advised> {
  const { classes, inputShape } = model;
  const made = isGraphModel(model) ? model.differentiated("cross-entropy") : undefined;
  const differentiable =
    isDifferentiable(model) &&
    (await Promise.resolve(made).then(
      () => true,
      () => false,
    ));
  return { plan, classes, inputShape, differentiable };
}

/** How many samples the attacks of a plan do not fool. */
async function notFooledBy(model: Model, batch: Batch, plan: BatchPlan, given: BatchContext): Promise<number> {
  const { surrogate } = given;
  const context = { ...given, surrogate: surrogate && (await modelFor(surrogate, batch.x)) };
  const rows = [...batch.labels.keys()].filter((i) => batch.labels[i] !== plan.target);
  const labels = Int32Array.from(rows, (i) => batch.labels[i]!);
  const subjects: Subjects = {
    x: takeRows(batch.x, rows),
    labels,
    indices: Int32Array.from(rows, (i) => batch.indices[i]!),
    goal: goalOf(labels, plan.target, model),
    start: undefined,
  };
  const { fooledAt } = await cascade(model, subjects, plan, () => undefined, context);
  return fooledAt.filter((k) => k > 0).length;
}
