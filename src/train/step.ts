import { batchRanges } from "../dataset.ts";
import { PerturbError } from "../errors.ts";
import { option } from "../option.ts";
import type { Score, TrainState } from "../train.ts";
import { drawMasks } from "./dropout.ts";
import { shuffledOrder } from "./samples.ts";
import { addScores, scoreOf, type Values } from "./score.ts";
import type { Session } from "./session.ts";
import { updated } from "./update.ts";
import { parameterViews } from "./vector.ts";

/**
 * Parts that each batch is cut into. A constant, so that rounding, and with it the result, is the same with any number
 * of runtimes.
 */
const PARTS = 2;

/** The inputs of one step, in parts, but for the parameters. */
export function prepare(session: Session, step: number): Values[] {
  const { options, samples, stepsPerEpoch } = session;
  const { architecture, batch, seed } = options;
  const epoch = Math.floor(step / stepsPerEpoch);
  const start = (step % stepsPerEpoch) * batch;
  const rows = orderOf(session, epoch).subarray(start, start + batch);
  const ranges = [...batchRanges(rows.length, { batch: Math.ceil(rows.length / PARTS) })];
  return ranges.map(([from, to]) => {
    const part = rows.subarray(from, to);
    return { ...samples.take(part), ...drawMasks(architecture.dropout, part, seed, epoch) };
  });
}

const orders = new WeakMap<Session, { readonly epoch: number; readonly order: Int32Array }>();

/** The order of an epoch, kept while it lasts. */
function orderOf(session: Session, epoch: number): Int32Array {
  const known = orders.get(session);
  if (known?.epoch === epoch) return known.order;
  const order = shuffledOrder(session.samples.size, session.options.seed, epoch);
  orders.set(session, { epoch, order });
  return order;
}

export interface Gradient {
  /** Of the mean loss of the batch. */
  readonly gradient: Float32Array;
  readonly score: Score;
}

/** Runs the parts of a batch side by side. */
export async function gradientOf(
  { options, gradients }: Session,
  { vectors }: TrainState,
  parts: readonly Values[],
): Promise<Gradient> {
  const parameters = parameterViews(options.architecture, vectors["parameters"]!);
  const results = await Promise.all(
    parts.map((part, i) => gradients[i % gradients.length]!.run({ ...part, ...parameters })),
  );
  const score = results.map((result, i) => scoreOf(result, parts[i]!)).reduce(addScores);
  return {
    gradient: meanOf(
      results.map(({ gradient }) => gradient!.data as Float32Array),
      score.total,
    ),
    score,
  };
}

/** The sum of the parts, in their order, over the number of samples. */
function meanOf(parts: readonly Float32Array[], total: number): Float32Array {
  const mean = new Float32Array(parts[0]!.length);
  for (const part of parts) for (let i = 0; i < mean.length; i++) mean[i] = mean[i]! + part[i]! / total;
  return mean;
}

/** The state after one more step. @throws runtime when the loss is no number */
export async function update(
  { options, update, stepsPerEpoch }: Session,
  state: TrainState,
  { gradient, score }: Gradient,
): Promise<TrainState> {
  const { optimizer, schedule, rate, epochs } = options;
  const vectors = await updated(update, optimizer, state.vectors, gradient, {
    step: state.step + 1,
    rate: rate * schedule(state.step / (epochs * stepsPerEpoch)),
  });
  const sum = addScores(state.score, score);
  if (Number.isFinite(sum.loss)) return { ...state, step: state.step + 1, vectors, score: sum };
  throw new PerturbError(
    "runtime",
    `The loss is no number after step ${state.step + 1}: the training diverged. Lower the learning rate (now ${option("rate", rate)}).`,
    {
      data: { step: state.step + 1, rate },
    },
  );
}
