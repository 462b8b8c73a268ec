import { predict } from "../../attack.ts";
import type { LeftOut } from "../../attacks/steps/members.ts";
import type { Prover } from "../../certify/proving/prover.ts";
import type { Batch } from "../../dataset.ts";
import { type Goal, type Gradient, isDifferentiable, type Model } from "../../model.ts";
import { isGraphModel, modelFor } from "../../models/classifier/graph-model.ts";
import { normFor } from "../../norm.ts";
import type { FloatTensor } from "../../tensor.ts";
import { gradientFaults, scoreFaults } from "../checks/faults.ts";
import { LINEARITY_SAMPLES, measureLinearity } from "../linear/linearity.ts";
import { rightLabels } from "../results/labels.ts";
import { outcomes } from "../results/outcomes.ts";
import { firstExamples, recordsOf } from "../results/records.ts";
import { show } from "../results/show.ts";
import { type AttackTally, addCount, type Confusion, EXAMPLES, REMEMBERED, type Tally } from "../results/tally.ts";
import { type CascadePlan, type Course, cascade, type Judgement, pick, type Subjects } from "./cascade.ts";
import { checkBatch } from "./check-batch.ts";
import { judgeFound } from "./found.ts";
import { type CertifyPlan, startProofs } from "./proofs.ts";
import { withoutAdaptation } from "./unadapted.ts";

/** What is done with every batch of an evaluation. */
export interface BatchPlan extends CascadePlan {
  /** Names of the attacks that were asked for: `attacks` are they, or their members. */
  readonly series: readonly string[];
  /** Members of ensembles that the model has too few classes for: they are not among `attacks`. */
  readonly leftOut: readonly LeftOut[];
  readonly target: number | null;
  /** Index of the evaluation's first sample. */
  readonly offset: number;
  /** Indices of the samples that show how linear the loss is; by default the first ones from `offset` on. */
  readonly linear?: Int32Array | undefined;
  /** How samples are certified, where they are. */
  readonly certify?: CertifyPlan | undefined;
}

export interface BatchContext {
  readonly surrogate?: Model | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What proves, where the plan certifies. */
  readonly prover?: Prover | undefined;
}

/** Runs the model on one batch, attacks the samples that are correct, and counts. The unit of work of every evaluation. */
export async function evaluateBatch(
  given: Model,
  batch: Batch,
  plan: BatchPlan,
  { surrogate, prover, ...rest }: BatchContext = {},
): Promise<Tally> {
  const model = await modelFor(given, batch.x);
  const context = { ...rest, surrogate: surrogate && (await modelFor(surrogate, batch.x)) };
  const began = performance.now();
  const clean = await askClean(model, batch, plan);
  const seconds = (performance.now() - began) / 1000 / batch.labels.length;
  const { start, logits, predictions, correct, attackedRows } = clean;
  const { classes } = model;
  const budgets = plan.epsilons.length;
  const attacked = pick({ ...batch, goal: goalOf(batch.labels, plan.target, model), start }, attackedRows);
  const confusion = confusionOf(batch.labels, predictions, classes);
  const untouched = new Map(confusion);
  for (const label of attacked.labels) addCount(untouched, label * classes + label, -1);
  const correctUntouched = diagonal(untouched, classes);

  const [outcome, first] = [outcomes(attacked, budgets, model.head), firstExamples(attacked, budgets)];
  const attacks = plan.attacks.map(() => emptyAttack(budgets));
  const points: Tally["points"] = [];
  let series = 0;
  let invalid = predictions.filter((p) => p < 0).length;
  const endSeries = (): void => {
    points.push(...outcome.points(untouched, classes));
    outcome.settle();
    series++;
  };
  const hear = (judgement: Judgement): void => {
    while (series < plan.attacks[judgement.entry]!.series) endSeries();
    outcome.hear(judgement);
    first.hear(judgement);
    if (judgement.budget < budgets) invalid += judgement.verdict.predictions.filter((p) => p < 0).length;
    else attacks[judgement.entry]!.distances.push(...reach(judgement));
  };
  const proofs =
    plan.certify &&
    prover &&
    (await startProofs({
      ...plan,
      ...rest,
      prover,
      plan: plan.certify,
      subjects: attacked,
      rows: attackedRows,
      logits,
    }));
  const course = await cascade(model, attacked, plan, hear, { ...context, settled: proofs?.settled });
  while (series < plan.series.length) endSeries();
  const methods = proofs?.standing.methods.map(({ method }) => method) ?? [];
  if (proofs) {
    await proofs.finish(course.fooledAt);
    await judgeFound(model, attacked, plan, proofs.standing, course, (judgement) => {
      outcome.hear(judgement);
      first.hear(judgement);
    });
    outcome.settle();
    await proofs.search(course.fooledAt);
  }
  addCourse(attacks, course);
  const unadapted = await withoutAdaptation({
    ...context,
    model,
    batch,
    logits,
    attacked,
    untouched: correctUntouched,
    plan,
    needsGradient: needsGradients(plan),
  });

  const tally: Tally = {
    total: predictions.length,
    correct: correct.length,
    confusion,
    cleanExamples: correct.slice(0, EXAMPLES).map((i) => show(batch, i, batch.x, i, logits, predictions, model.head)),
    points,
    ...(model.head === "multi-label" && { labels: rightLabels(logits, [...predictions.keys()]) }),
    worst: outcome.worst(logits, unattacked(batch, attackedRows)).map(({ notFooled, errors, labels }) => ({
      ...(labels && { labels }),
      correct: correctUntouched + notFooled.length,
      errors: errors + predictions.filter((p) => p < 0).length,
      notFooled: notFooled.slice(0, REMEMBERED),
    })),
    ...(proofs && { certified: proofs.tally(course.fooledAt) }),
    ...(unadapted && { unadapted: unadapted.tally }),
    attacks,
    records: recordsOf({
      ...batch,
      logits,
      predictions,
      attackedRows,
      first,
      course,
      epsilons: plan.epsilons,
      names: [...plan.attacks.map(({ attack }) => attack.name), ...methods],
      withGradient: start !== undefined,
      seconds,
      proofs,
    }),
    linearity: null,
    invalid,
    ...gradientFaults(attacked, model),
    ...scoreFaults(logits, model),
    forwards: sum(course.forwards) + sum(course.judged) + (start ? 0 : predictions.length) + (unadapted?.forwards ?? 0),
    gradients: sum(course.gradients) + (start ? predictions.length : 0) + (unadapted?.gradients ?? 0),
  };
  // Its dimensions are those of one size: of pictures of several, the largest.
  if (String(model.inputShape) === String(given.inputShape))
    tally.linearity = await linearityOf(model, attacked, plan, tally);
  return tally;
}

const sum = (counts: Int32Array): number => counts.reduce((a, b) => a + b, 0);

const unattacked = ({ labels }: Batch, attackedRows: readonly number[]): number[] => {
  const attacked = new Set(attackedRows);
  return [...labels.keys()].filter((row) => !attacked.has(row));
};

const emptyAttack = (budgets: number): AttackTally => ({
  attacked: 0,
  fooled: new Array<number>(budgets).fill(0),
  forwards: 0,
  gradients: 0,
  seconds: 0,
  distances: [],
});

/** How far each sample's nearest adversarial point lies; Infinity where none was found. */
const reach = ({ verdict: { success, distances } }: Judgement): number[] =>
  Array.from(distances, (distance, i) => (success[i] ? distance : Number.POSITIVE_INFINITY));

function addCourse(attacks: readonly AttackTally[], { fooledAt, fooledBy, entries }: Course): void {
  for (const [e, entry] of entries.entries()) Object.assign(attacks[e]!, entry);
  for (const [row, e] of fooledBy.entries()) if (attacks[e]) attacks[e].fooled[fooledAt[row]!]! += 1;
}

/** Whether an attack of the plan needs gradients. */
export const needsGradients = ({ attacks }: BatchPlan): boolean =>
  attacks.some(({ attack }) => attack.needs === "gradient");

/** What a model makes of a batch as it is. */
interface Clean {
  /** The gradient, where an attack of the plan needs gradients. */
  readonly start: Gradient | undefined;
  readonly logits: FloatTensor;
  readonly predictions: Int32Array;
  /** The rows that are correct, and those of them that are attacked: not already of the target's class. */
  readonly correct: readonly number[];
  readonly attackedRows: readonly number[];
}

/** One pass gives the clean accuracy and starts every attack; draws of the model begin with it. @throws out-of-bounds for data that do not fit */
export async function askClean(model: Model, batch: Batch, plan: BatchPlan): Promise<Clean> {
  checkBatch(model, batch);
  const { labels, x, indices } = batch;
  if (isGraphModel(model)) await model.draw?.(plan.seed, indices);
  const needsGradient = isDifferentiable(model) && needsGradients(plan);
  const start = needsGradient
    ? await model.gradient(x, goalOf(labels, plan.target, model), "cross-entropy", indices)
    : undefined;
  const logits = start?.logits ?? (await model.logits(x, indices));
  const predictions = predict(logits);
  const correct = [...labels.keys()].filter((i) => predictions[i] === labels[i]);
  return { start, logits, predictions, correct, attackedRows: correct.filter((i) => labels[i] !== plan.target) };
}

async function linearityOf(
  model: Model,
  attacked: Subjects,
  plan: BatchPlan,
  tally: Tally,
): Promise<Tally["linearity"]> {
  const isFirst = (index: number) => plan.linear?.includes(index) ?? index < plan.offset + LINEARITY_SAMPLES;
  const first = [...attacked.indices.keys()].filter((i) => isFirst(attacked.indices[i]!));
  if (first.length === 0 || !attacked.start || plan.norm === "spatial") return null;
  const { x, goal, indices, start } = pick(attacked, first);
  const subject = { model, x, goal, indices, start: start!, seed: plan.seed };
  const result = await measureLinearity(subject, normFor(plan.norm, model.inputShape), plan.epsilons);
  tally.forwards += first.length * (result.points.length + 2 * result.dimensions.length);
  return result;
}

export const goalOf = (labels: Int32Array, target: number | null, model?: Pick<Model, "head">): Goal =>
  target === null
    ? { kind: "untargeted", labels, ...(model?.head === "multi-label" && { sets: true }) }
    : { kind: "targeted", labels, targets: new Int32Array(labels.length).fill(target) };

function confusionOf(labels: Int32Array, predictions: Int32Array, classes: number): Confusion {
  const counts: Confusion = new Map();
  labels.forEach((label, i) => {
    if (predictions[i]! >= 0) addCount(counts, label * classes + predictions[i]!, 1);
  });
  return counts;
}

const diagonal = (confusion: Confusion, classes: number): number => {
  let sum = 0;
  for (const [place, count] of confusion) if (place % (classes + 1) === 0) sum += count;
  return sum;
};
