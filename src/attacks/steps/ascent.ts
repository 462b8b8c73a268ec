import type { AttackTask } from "../../attack.ts";
import type { About } from "../../attack-options.ts";
import { checkCount, checkSignal, PerturbError } from "../../errors.ts";
import { checkLength, inEpsilons, type Length, lengthAt } from "../../length.ts";
import { type DifferentiableModel, type Gradient, take, takeGoal } from "../../model.ts";
import type { Norm } from "../../norm.ts";
import { randomFor } from "../../random.ts";
import { type FloatTensor, sampleSize, takeRows } from "../../tensor.ts";
import { type Best, keepBest } from "./best.ts";
import type { AttackLoss } from "./losses.ts";
import { accumulated, adam, type Steering, steepest } from "./steering.ts";
import { type L1Step, type Optimizer, stepper } from "./stepper.ts";
import { type Attempt, type BudgetTask, sweep } from "./sweep.ts";

/** How a loss is climbed inside a ball: what FGSM with a random start, BIM, PGD, MI-FGSM and NI-FGSM differ in. */
export interface AscentOptions {
  /** Steps, and gradients, of each restart. */
  readonly steps: number;
  /** Length of a step. */
  readonly stepSize: Length;
  /** How many times it begins. */
  readonly restarts: number;
  /** Whether the first climb begins at a random point of the ball, as all later ones do, or at x. */
  readonly randomStart: boolean;
  readonly loss: AttackLoss;
  /** μ, the share of the sum of L1-normalised gradients that is kept at each step; 0 is none. */
  readonly momentum: number;
  /** Whether the gradient is taken at the point where momentum leads, brought back into the ball. */
  readonly nesterov: boolean;
  /** "sgd": steepest steps. "adam": Adam's steps, no longer than `stepSize`; for L∞, without `momentum`. */
  readonly optimizer: Optimizer;
  /** For L1: whether a step moves the few steepest elements, as by default, or all along the gradient. */
  readonly l1Step?: L1Step;
  /** Whether the exact first-order step from x, which is FGSM's point, is measured before the first climb. */
  readonly firstOrder: boolean;
  /** Whether a sample is done when it reaches its goal; if not, it goes on to raise its loss, as transfer to other models wants. */
  readonly stopAtSuccess: boolean;
}

/** What the options are of the attacks that climb so. */
const ABOUT: About<Required<Omit<AscentOptions, "nesterov" | "firstOrder">>> = {
  steps: "gradient steps",
  stepSize: { length: "of a step" },
  restarts: "starts of the climb; the best of all is kept",
  randomStart: "whether the first restart begins at a random point of the ball, or at the sample",
  loss: "the loss that is raised",
  momentum: "share of the earlier gradients that is kept at each step; 0 for none",
  optimizer: "sgd takes the steepest steps, adam those of Adam (linf only)",
  l1Step: "whether steps in l1 move the few steepest elements (sparse) or all along the gradient (dense)",
  stopAtSuccess: "whether a sample is done once it is fooled, or goes on to raise its loss",
};

/** Of those, what an attack has. */
export const aboutAscent = <K extends keyof typeof ABOUT>(
  ...names: readonly K[]
): About<Required<Pick<AscentOptions, K>>> =>
  Object.fromEntries(names.map((name) => [name, ABOUT[name]])) as About<Required<Pick<AscentOptions, K>>>;

/**
 * Climbs J by projected steps, for each ε, and keeps the best of all points that were measured, the last one included; where
 * steps may end short of the best point of a linear loss, the exact first-order step along the last gradient is measured too.
 * @throws usage for options that make no sense; cancelled
 */
export async function ascent(task: AttackTask<DifferentiableModel>, options: AscentOptions): Promise<FloatTensor[]> {
  checkOptions(options, task.norm);
  checkSignal(task.signal);
  const { model, x, goal, start } = task;
  const { loss, randomStart, firstOrder } = options;
  // One gradient at x serves every ε. The one that is given is that of the cross-entropy.
  const first =
    randomStart && !firstOrder
      ? undefined
      : loss === "cross-entropy" && start
        ? start
        : await model.gradient(x, goal, loss, task.indices);
  return sweep({ ...task, start: first }, (budget) => climbs(budget, options));
}

function checkOptions({ steps, stepSize, restarts, momentum, nesterov, optimizer }: AscentOptions, norm: Norm): void {
  for (const [name, value] of Object.entries({ steps, restarts })) checkCount(name, value);
  checkLength("stepSize", stepSize);
  if (!(momentum >= 0)) throw new PerturbError("usage", `momentum must be at least 0, got ${momentum}.`);
  if (optimizer === "adam" && (momentum > 0 || nesterov))
    throw new PerturbError("usage", 'Adam has a momentum of its own. Leave out momentum, or choose optimizer "sgd".');
  // Each element gets a scale of its own, which spends an L2 or L1 budget on pixels that hardly matter.
  if (optimizer === "adam" && norm.name !== "linf")
    throw new PerturbError("usage", `Adam's steps are for linf; for ${norm.name} choose optimizer "sgd".`);
}

async function climbs(task: BudgetTask<DifferentiableModel>, options: AscentOptions): Promise<Attempt> {
  const best = keepBest(task.x, options.loss);
  if (options.firstOrder && task.start) {
    const rows = [...best.success.keys()];
    await lookFarthest(task, best, rows, task.start.gradient, () => true);
  }
  for (let restart = 0; restart < options.restarts; restart++) await climb(task, options, best, restart);
  // A larger ε has no more to do for a fooled sample, unless its loss is wanted.
  const success = options.stopAtSuccess ? best.success : new Uint8Array(best.success.length);
  return { candidates: best.points, success };
}

/** One climb, of the samples that are not fooled yet. */
async function climb(
  task: BudgetTask<DifferentiableModel>,
  options: AscentOptions,
  best: Best,
  restart: number,
): Promise<void> {
  const { model, x, goal, indices, start, signal } = task;
  const size = sampleSize(x);
  const atX = restart === 0 && !options.randomStart;
  const steering = steeringOf(options, x);
  const step = stepper(task, options, steering);
  const active = (row: number): boolean => !options.stopAtSuccess || best.success[row] === 0;
  let rows = [...best.success.keys()].filter(active);
  let goals = takeGoal(goal, rows);
  let samples = take(indices, rows);
  let points = atX ? takeRows(x, rows) : randomPoints(task, rows, restart);
  // Two batches take turns: fresh memory would cost as much as the step.
  let steps: { readonly rows: readonly number[]; readonly gradient: FloatTensor } | undefined;
  let spare: Float32Array = new Float32Array(points.data.length);
  for (let t = 0; rows.length > 0; t++) {
    checkSignal(signal);
    if (t === options.steps) {
      best.offer(rows, points, await model.logits(points, samples), goals);
      break;
    }
    const asked = options.nesterov ? lookAhead(points, rows, task, options, steering) : points;
    const { logits, gradient }: Gradient =
      t === 0 && atX && start ? start : await model.gradient(asked, goals, options.loss, samples);
    best.offer(rows, asked, logits, goals);
    const left = rows.filter(active);
    let end = 0;
    for (let i = 0; i < rows.length; i++) {
      if (!active(rows[i]!)) continue;
      const [from, to] = [i * size, (i + 1) * size];
      step(
        spare.subarray(end, end + size),
        points.data.subarray(from, to),
        gradient.data.subarray(from, to),
        rows[i]!,
        t,
      );
      end += size;
    }
    if (t === options.steps - 1) steps = { rows, gradient };
    const moved: FloatTensor = { ...x, dims: [left.length, ...x.dims.slice(1)], data: spare.subarray(0, end) };
    [points, spare] = [moved, points.data];
    if (left.length === rows.length) continue;
    rows = left;
    goals = takeGoal(goal, rows);
    samples = take(indices, rows);
  }
  if (steps && fallsShort(task, options)) await lookFarthest(task, best, steps.rows, steps.gradient, active);
}

/** Whether steps, or projections onto a round ball, may end short of the best point of a loss that is linear. */
const fallsShort = (
  { norm, epsilon }: BudgetTask<DifferentiableModel>,
  { steps, stepSize, randomStart }: AscentOptions,
): boolean => norm.name !== "linf" || steps * inEpsilons(stepSize, epsilon) < (randomStart ? 2 : 1);

/** The exact first-order maximiser over the ball and the bounds, along the last gradient: a candidate like any other. */
async function lookFarthest(
  { model, x, goal, norm, epsilon, indices, signal }: BudgetTask<DifferentiableModel>,
  best: Best,
  from: readonly number[],
  { data }: FloatTensor,
  active: (row: number) => boolean,
): Promise<void> {
  const rows = from.filter(active);
  if (rows.length === 0) return;
  checkSignal(signal);
  const size = sampleSize(x);
  const points = takeRows(x, rows);
  for (const [i, row] of from.entries()) {
    const at = rows.indexOf(row);
    if (at < 0) continue;
    const point = points.data.subarray(at * size, (at + 1) * size);
    const original = x.data.subarray(row * size, (row + 1) * size);
    norm.ascend(point, original, data.subarray(i * size, (i + 1) * size), epsilon, model.bounds);
    norm.project(point, original, epsilon, model.bounds);
  }
  best.offer(rows, points, await model.logits(points, take(indices, rows)), takeGoal(goal, rows));
}

/** A point for each of the samples `rows`, drawn from the ball, then moved into the bounds. */
function randomPoints(
  { x, norm, epsilon, indices, seed, model }: BudgetTask<DifferentiableModel>,
  rows: readonly number[],
  restart: number,
): FloatTensor {
  const size = sampleSize(x);
  const points = new Float32Array(rows.length * size);
  for (const [i, row] of rows.entries()) {
    const original = x.data.subarray(row * size, (row + 1) * size);
    const point = points.subarray(i * size, (i + 1) * size);
    norm.uniform(point, original, epsilon, randomFor(seed, indices[row]!, restart));
    norm.project(point, original, epsilon, model.bounds);
  }
  return { ...x, dims: [rows.length, ...x.dims.slice(1)], data: points };
}

function steeringOf({ optimizer, momentum, nesterov }: AscentOptions, x: FloatTensor): Steering {
  const [count, size] = [x.dims[0]!, sampleSize(x)];
  if (optimizer === "adam") return adam(count, size);
  return momentum > 0 || nesterov ? accumulated(momentum, count, size) : steepest;
}

/** x + α·μ·g (Lin et al. 2020, eq. 6), brought back into the ball: a candidate like any other. */
function lookAhead(
  points: FloatTensor,
  rows: readonly number[],
  { x, norm, epsilon, model }: BudgetTask<DifferentiableModel>,
  { stepSize, momentum }: AscentOptions,
  steering: Steering,
): FloatTensor {
  const size = sampleSize(x);
  const sum = steering.momentum!;
  const scale = lengthAt(stepSize, epsilon) * momentum;
  const ahead = points.data.slice();
  for (const [i, row] of rows.entries()) {
    const point = ahead.subarray(i * size, (i + 1) * size);
    for (let j = 0; j < size; j++) point[j] = point[j]! + scale * sum[row * size + j]!;
    norm.project(point, x.data.subarray(row * size, (row + 1) * size), epsilon, model.bounds);
  }
  return { ...points, data: ahead };
}
