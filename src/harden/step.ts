import type { Batch } from "../dataset.ts";
import type { HardenState, InnerTask } from "../harden.ts";
import { norms } from "../norm.ts";
import { randomFor } from "../random.ts";
import { type FloatTensor, takeRows } from "../tensor.ts";
import { addScores } from "../train/score.ts";
import { parameterViews, type Shapes } from "../train/vector.ts";
import type { Score } from "../train.ts";
import { repeated } from "./inner/copies.ts";
import { feedsOf, type Network } from "./network.ts";
import type { Hardening } from "./options.ts";
import type { Part, Points } from "./part.ts";

/**
 * Parts that each batch is cut into. A constant, so that rounding, and with it the result, is the same with any number of runtimes.
 */
const PARTS = 2;

/** The stream of Philox that inner attacks draw from, apart from those of training. */
export const ATTACK = 0x68617264;

/** The gradient of the mean loss of a batch by the parameters, with the loss and the hits at the points trained on. */
export interface BatchGradient {
  readonly gradient: Float32Array;
  readonly score: Score;
}

interface When {
  readonly epoch: number;
  /** Of the training, from 0 up to, not including, 1. */
  readonly progress: number;
}

/** The inner attack, then the gradient of the outer loss. */
export async function gradientOf(
  options: Pick<Hardening, "method" | "norm" | "epsilon" | "seed">,
  network: Pick<Network, "shapes" | "statistics">,
  parts: readonly Part[],
  { vectors }: Pick<HardenState, "vectors">,
  batch: Batch,
  { epoch, progress }: When,
): Promise<BatchGradient> {
  const { method, options: given } = options.method;
  const moment = { progress, epsilon: options.epsilon };
  const scalars = method.scalars?.(moment, given as never) ?? {};
  const epsilon = method.epsilon?.(moment, given as never) ?? options.epsilon;
  const parameters = vectors["parameters"]!;
  const views = feedsOf(network, vectors, parameters);
  const points = await together(parts, cut(batch), async (part, piece): Promise<Points> => {
    const task: InnerTask = {
      model: part.model(views),
      x: piece.x,
      labels: piece.labels,
      norm: norms[options.norm],
      epsilon,
      random: (i) => randomFor(options.seed, piece.indices[i]!, ATTACK, epoch),
    };
    const adversarial = method.attack ? await method.attack(task, given as never) : piece.x;
    const labels = repeated(piece.labels, adversarial.dims[0]! / piece.labels.length);
    return { x: piece.x, labels, adversarial };
  });
  const at = (weights: Float32Array) => lossGradient(parts, feedsOf(network, vectors, weights), points, scalars);
  const found = await at(parameters);
  const gamma = method.weightStep?.(given as never) ?? 0;
  if (gamma === 0) return found;
  const moved = await at(movedUp(network.shapes, parameters, found.gradient, gamma));
  return { gradient: moved.gradient, score: found.score };
}

async function lossGradient(
  parts: readonly Part[],
  views: Record<string, FloatTensor>,
  points: readonly Points[],
  scalars: Readonly<Record<string, number>>,
): Promise<BatchGradient> {
  const results = await together(parts, points, (part, piece) => part.step(views, piece, scalars));
  const score = results.map((result) => result.score).reduce(addScores);
  const gradient = new Float32Array(results[0]!.gradient.length);
  // In the order of the parts, whoever was done first.
  for (const { gradient: part } of results)
    for (let i = 0; i < gradient.length; i++) gradient[i] = gradient[i]! + part[i]! / score.total;
  return { gradient, score };
}

/** Weights of two or more axes, each moved along its gradient by γ times its own length (Wu et al. 2020, eq. 8 and 9). */
export function movedUp(shapes: Shapes, parameters: Float32Array, gradient: Float32Array, gamma: number): Float32Array {
  const moved = parameters.slice();
  const [weights, slopes] = [parameterViews(shapes, moved), parameterViews(shapes, gradient)];
  for (const [name, { dims, data }] of Object.entries(weights)) {
    if (dims.length < 2) continue;
    const slope = slopes[name]!.data;
    const scale = (gamma * length(data)) / (length(slope) + 1e-20);
    for (let i = 0; i < data.length; i++) data[i] = data[i]! + scale * slope[i]!;
  }
  return moved;
}

const length = (values: Float32Array): number => {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * values[i]!;
  return Math.sqrt(sum);
};

/** Work on all pieces: side by side on several parts, one after another on one. */
async function together<P, R>(
  parts: readonly Part[],
  pieces: readonly P[],
  work: (part: Part, piece: P) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  await Promise.all(
    parts.map(async (part, k) => {
      for (let i = k; i < pieces.length; i += parts.length) results[i] = await work(part, pieces[i]!);
    }),
  );
  return results;
}

function cut({ x, labels, indices }: Batch): Batch[] {
  const size = Math.ceil(labels.length / PARTS);
  const pieces: Batch[] = [];
  for (let from = 0; from < labels.length; from += size) {
    const rows = Int32Array.from({ length: Math.min(size, labels.length - from) }, (_, i) => from + i);
    pieces.push({
      x: takeRows(x, rows),
      labels: labels.slice(from, from + size),
      indices: indices.slice(from, from + size),
    });
  }
  return pieces;
}
