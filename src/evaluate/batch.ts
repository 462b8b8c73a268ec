import { type AnyAttack, judge, predict, type Verdict } from "../attack.ts";
import type { Batch } from "../dataset.ts";
import { PerturbError } from "../errors.ts";
import { type DifferentiableModel, type Goal, type Gradient, type Model, takeGoal, takeGradient } from "../model.ts";
import { type NormName, norms } from "../norm.ts";
import { type FloatTensor, sampleSize, takeRows } from "../tensor.ts";
import { LINEARITY_SAMPLES, measureLinearity } from "./linearity.ts";
import { exact, probability } from "./statistics.ts";
import { EXAMPLES, emptyPoint, type PointTally, type Shown, type Tally } from "./tally.ts";

/** What is done with every batch of an evaluation. */
export interface BatchPlan {
  readonly attacks: readonly { readonly attack: AnyAttack<DifferentiableModel>; readonly options: object }[];
  readonly norm: NormName;
  readonly epsilons: readonly number[];
  readonly target: number | null;
  readonly seed: number;
  /** Index of the evaluation's first sample. */
  readonly offset: number;
}

/** The samples that are attacked: rows of a batch that are right when clean and not already of the target's class. */
interface Attacked {
  readonly x: FloatTensor;
  readonly goal: Goal;
  readonly labels: Int32Array;
  readonly indices: Int32Array;
  /** The gradient at x, where an attack needs gradients. */
  readonly start: Gradient | undefined;
}

/** Asks the model about one batch, attacks what it gets right, and counts. The unit of work of every evaluation. */
export async function evaluateBatch(
  model: DifferentiableModel,
  batch: Batch,
  plan: BatchPlan,
  signal?: AbortSignal,
): Promise<Tally> {
  const { start, logits, predictions, right, attackedRows } = await askClean(model, batch, plan);
  const { classes } = model;
  const attacked = pick(batch, goalOf(batch.labels, plan.target), start, attackedRows);
  const confusion = confusionOf(batch.labels, predictions, classes);
  const tally: Tally = {
    total: predictions.length,
    correct: right.length,
    confusion,
    cleanExamples: right.slice(0, EXAMPLES).map((i) => show(batch, i, batch.x, logits, predictions)),
    points: [],
    linearity: null,
    invalid: predictions.filter((p) => p < 0).length,
    unmoved: 0,
    forwards: start ? 0 : predictions.length,
    gradients: start ? predictions.length : 0,
  };
  for (const entry of plan.attacks)
    tally.points.push(...(await runAttack(model, attacked, entry, plan, confusion, tally, signal)));
  tally.linearity = await linearityOf(model, attacked, plan, tally);
  return tally;
}

/** What a model makes of a batch as it is. */
interface Clean {
  /** The gradient, where an attack of the plan needs gradients. */
  readonly start: Gradient | undefined;
  readonly logits: FloatTensor;
  readonly predictions: Int32Array;
  /** The rows that are right, and those of them that are attacked: not already of the target's class. */
  readonly right: readonly number[];
  readonly attackedRows: readonly number[];
}

/** One pass answers for the clean accuracy and starts every attack. @throws out-of-bounds for data that do not fit */
export async function askClean(model: DifferentiableModel, batch: Batch, plan: BatchPlan): Promise<Clean> {
  checkBatch(model, batch);
  const { labels, x } = batch;
  const needsGradient = plan.attacks.some(({ attack }) => attack.needs === "gradient");
  const start = needsGradient ? await model.gradient(x, goalOf(labels, plan.target)) : undefined;
  const logits = start?.logits ?? (await model.logits(x));
  const predictions = predict(logits);
  const right = [...labels.keys()].filter((i) => predictions[i] === labels[i]);
  return { start, logits, predictions, right, attackedRows: right.filter((i) => labels[i] !== plan.target) };
}

async function runAttack(
  model: DifferentiableModel,
  attacked: Attacked,
  { attack, options }: BatchPlan["attacks"][number],
  plan: BatchPlan,
  clean: Int32Array,
  tally: Tally,
  signal: AbortSignal | undefined,
): Promise<PointTally[]> {
  const { classes } = model;
  const { x, goal, indices, labels, start } = attacked;
  const n = labels.length;
  const norm = norms[plan.norm];
  // What is not attacked stays as it was.
  const untouched = clean.slice();
  for (const label of labels) untouched[label * classes + label]! -= 1;
  const standing = diagonal(untouched, classes);
  if (n === 0)
    return plan.epsilons.map(() => ({ ...emptyPoint(classes), correct: standing, confusion: untouched.slice() }));

  const proposals = await attack.propose(
    { model, x, goal, norm, epsilons: plan.epsilons, indices, seed: plan.seed, start, signal },
    options as never,
  );
  const points: PointTally[] = [];
  for (const [k, epsilon] of plan.epsilons.entries()) {
    const verdict = await judge(model, x, proposals[k]!, goal, norm, epsilon);
    tally.forwards += n;
    tally.invalid += verdict.predictions.filter((p) => p < 0).length;
    // A least-change attack leaves what it cannot break where it was.
    const moves = attack.aim === "within-epsilon" && epsilon > 0;
    if (k === plan.epsilons.length - 1 && moves) tally.unmoved += verdict.distances.filter((d) => d === 0).length;
    points.push(tallyPoint(attacked, verdict, untouched, standing, classes));
  }
  return points;
}

function tallyPoint(
  attacked: Attacked,
  verdict: Verdict,
  untouched: Int32Array,
  standing: number,
  classes: number,
): PointTally {
  const { labels } = attacked;
  const { predictions, success, logits } = verdict;
  const point: PointTally = {
    ...emptyPoint(classes),
    attacked: labels.length,
    correct: standing,
    confusion: untouched.slice(),
  };
  for (let i = 0; i < labels.length; i++) {
    const prediction = predictions[i]!;
    if (prediction === labels[i]) point.correct++;
    if (prediction >= 0) point.confusion[labels[i]! * classes + prediction]! += 1;
    point.largestDistance = Math.max(point.largestDistance, verdict.distances[i]!);
    if (!success[i]) continue;
    point.fooled++;
    point.confidence += exact(probability(logits.data, i, classes, prediction));
    if (point.examples.length < EXAMPLES)
      point.examples.push(show(attacked, i, verdict.adversarial, logits, predictions));
  }
  return point;
}

async function linearityOf(
  model: DifferentiableModel,
  attacked: Attacked,
  plan: BatchPlan,
  tally: Tally,
): Promise<Tally["linearity"]> {
  const first = [...attacked.indices.keys()].filter((i) => attacked.indices[i]! < plan.offset + LINEARITY_SAMPLES);
  if (first.length === 0 || !attacked.start) return null;
  const { x, goal, indices, start } = pick(attacked, attacked.goal, attacked.start, first);
  const subject = { model, x, goal, indices, start: start!, seed: plan.seed };
  const result = await measureLinearity(subject, norms[plan.norm], plan.epsilons);
  tally.forwards += first.length * (result.points.length + 2 * result.dimensions.length);
  return result;
}

export const goalOf = (labels: Int32Array, target: number | null): Goal =>
  target === null
    ? { kind: "untargeted", labels }
    : { kind: "targeted", labels, targets: new Int32Array(labels.length).fill(target) };

export function pick(batch: Batch, goal: Goal, start: Gradient | undefined, rows: readonly number[]): Attacked {
  if (rows.length === batch.labels.length) return { ...batch, goal, start };
  const take = (values: Int32Array) => Int32Array.from(rows, (i) => values[i]!);
  return {
    x: takeRows(batch.x, rows),
    goal: takeGoal(goal, rows),
    labels: take(batch.labels),
    indices: take(batch.indices),
    start: start && takeGradient(start, rows),
  };
}

function show(
  of: { x: FloatTensor; labels: Int32Array; indices: Int32Array },
  i: number,
  after: FloatTensor,
  logits: FloatTensor,
  predictions: Int32Array,
): Shown {
  const size = sampleSize(of.x);
  const part = (t: FloatTensor) => t.data.slice(i * size, (i + 1) * size);
  const prediction = predictions[i]!;
  const confidence = probability(logits.data, i, logits.dims[1]!, prediction);
  return {
    index: of.indices[i]!,
    label: of.labels[i]!,
    prediction,
    confidence,
    shape: of.x.dims.slice(1),
    original: part(of.x),
    adversarial: part(after),
  };
}

function confusionOf(labels: Int32Array, predictions: Int32Array, classes: number): Int32Array {
  const counts = new Int32Array(classes * classes);
  labels.forEach((label, i) => {
    if (predictions[i]! >= 0) counts[label * classes + predictions[i]!]! += 1;
  });
  return counts;
}

const diagonal = (confusion: Int32Array, classes: number): number => {
  let sum = 0;
  for (let c = 0; c < classes; c++) sum += confusion[c * (classes + 1)]!;
  return sum;
};

/** Index of the first value outside the bounds, NaN included; -1 where there is none. */
function firstOutside(values: Float32Array, { lower, upper }: Model["bounds"]): number {
  for (let i = 0; i < values.length; i++) if (!(values[i]! >= lower && values[i]! <= upper)) return i;
  return -1;
}

/** @throws out-of-bounds, mismatch: a model must not be measured on data that it cannot mean */
function checkBatch({ bounds, classes, name }: Model, { x, labels, indices }: Batch): void {
  const size = sampleSize(x);
  const bad = firstOutside(x.data, bounds);
  if (bad >= 0)
    throw new PerturbError(
      "out-of-bounds",
      `Sample ${indices[Math.floor(bad / size)]} holds the value ${x.data[bad]}, outside the model's bounds [${bounds.lower}, ${bounds.upper}]. Give pixels in these bounds and leave normalization to --mean and --std.`,
      { data: { sample: indices[Math.floor(bad / size)], value: x.data[bad], bounds } },
    );
  const wrong = labels.findIndex((label) => label < 0 || label >= classes);
  if (wrong >= 0)
    throw new PerturbError(
      "out-of-bounds",
      `Sample ${indices[wrong]} has the label ${labels[wrong]}, and ${name} has ${classes} classes (0 to ${classes - 1}). Check that data and model belong together.`,
      {
        data: { sample: indices[wrong], label: labels[wrong], classes },
      },
    );
}
