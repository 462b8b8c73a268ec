import { defineAttack } from "../../attack.ts";
import type { Model } from "../../model.ts";
import { randomFor } from "../../random.ts";
import { sampleSize } from "../../tensor.ts";
import { bisect, blend, checkNumbers, clip, oracle, type Way } from "../steps/decision.ts";
import { starts } from "../steps/decision-start.ts";
import { nearest, rowsOf } from "../steps/nearest.ts";
import { boundaryNormal } from "./hopskipjump/normal.ts";

export interface HopSkipJumpOptions {
  readonly iterations: number;
  /** Queries for the first estimate of the gradient, B₀; B₀√t for estimate t, but never more than `maxEvaluations`. */
  readonly initialEvaluations: number;
  readonly maxEvaluations: number;
  /** γ: bisection ends within θ = γ / (d√d) of the way in L2, γ / d² in L∞, for d elements; probes reach γ / d. */
  readonly gamma: number;
  /** Most queries for a sample, the start included. */
  readonly queries: number;
}

/** Draws of the probes; the start has a stream of its own. */
const STREAM = 1;
/** The length of the first probes, as a part of the bounds' width. */
const FIRST_REACH = 0.1;
/** What probes must move an element by, as a part of the bounds' width, to be told apart in float32. */
const FINEST = 2 ** -20;
/** Halvings of a step, after which float32 has none shorter. */
const HALVINGS = 25;

/**
 * HopSkipJump (Chen, Jordan and Wainwright 2020, algorithm 2): from a point on the boundary, the direction of the gradient
 * is estimated from the decisions at random points around it; a step along it (its signs in L∞) is halved until
 * adversarial, and bisected back to the boundary, towards x in L2, in balls around x in L∞. Defaults: 64 iterations as in
 * Foolbox and CleverHans, the rest of the authors' code, with the geometric search of its step.
 *
 * Differences from that code: a step that float32 cannot shorten is not taken, where theirs halves without end; probes and
 * bisection are no finer than float32, which θ is on large images; the nearest of all adversarial points that were asked is
 * the answer, not the last; x is asked first, and a sample without a start stays as it was.
 */
export const hopskipjump = defineAttack<Model, HopSkipJumpOptions>({
  name: "hopskipjump",
  title: "HopSkipJump",
  paper: "https://arxiv.org/abs/1904.02144",
  norms: ["l2", "linf"],
  aim: "least-change",
  needs: "logits",
  learns: true,
  defaults: { iterations: 64, initialEvaluations: 100, maxEvaluations: 10_000, gamma: 1, queries: 40_000 },
  about: {
    iterations: "steps along the boundary",
    initialEvaluations: "queries for the first estimate of the gradient; it grows with the root of the step's number",
    maxEvaluations: "most queries for one estimate",
    gamma: "fineness of the bisection: a share of γ / d^1.5 of the way in L2, γ / d² in L∞, for d elements",
    queries: "most queries for a sample, with those of the start",
  },
  async propose(task, { iterations, initialEvaluations, maxEvaluations, gamma, queries }) {
    checkNumbers("HopSkipJump", { iterations, initialEvaluations, maxEvaluations, queries }, { gamma });
    const { model, x, norm, indices, seed } = task;
    const { lower, upper } = model.bounds;
    const size = sampleSize(x);
    const signs = norm.name === "linf";
    const way = signs ? shrinkingBall : blend;
    const tolerance = gamma / (signs ? size ** 2 : size ** 1.5);
    const leastReach = FINEST * Math.sqrt(size) * (upper - lower);
    const found = nearest(task);
    const queried = oracle(task, queries, found);
    const { points, rows: started } = await starts(task, queried);
    const [original, point] = [rowsOf(x), rowsOf(points)];
    const distance = (row: number) => norm.distance(point(row), original(row));
    const directions = new Float32Array(x.data.length);
    // Where each step began, in the norm: before the bisection that brought it to the boundary.
    const began = new Float64Array(indices.length);
    const step = new Float64Array(indices.length);
    const tries = new Float32Array(started.length * size);
    await bisect(queried, x, points, started, way, tolerance);
    let rows = started;
    for (let t = 1; t <= iterations && rows.length > 0; t++) {
      const evaluations = Math.min(maxEvaluations, Math.floor(initialEvaluations * Math.sqrt(t)));
      for (const row of rows) {
        const reach = t === 1 ? FIRST_REACH * (upper - lower) : Math.max((gamma / size) * began[row]!, leastReach);
        const direction = directions.subarray(row * size, (row + 1) * size);
        const random = randomFor(seed, indices[row]!, STREAM, t);
        await boundaryNormal(
          direction,
          queried,
          row,
          point(row),
          { evaluations, reach, signs, bounds: model.bounds },
          random,
        );
        if (signs) for (let j = 0; j < size; j++) direction[j] = Math.sign(direction[j]!);
        step[row] = distance(row) / Math.sqrt(t);
      }
      let waiting = rows;
      for (let halving = 0; halving < HALVINGS && waiting.length > 0; halving++) {
        for (const [i, row] of waiting.entries()) {
          const [tried, from] = [tries.subarray(i * size, (i + 1) * size), point(row)];
          for (let j = 0; j < size; j++) tried[j] = from[j]! + step[row]! * directions[row * size + j]!;
          clip(tried, model.bounds);
        }
        const answers = await queried.ask(tries.subarray(0, waiting.length * size), waiting);
        for (const [i, row] of waiting.entries())
          if (answers[i]) point(row).set(tries.subarray(i * size, (i + 1) * size));
          else step[row]! /= 2;
        waiting = waiting.filter((row, i) => !answers[i] && queried.open(row));
      }
      for (const row of rows) began[row] = distance(row);
      await bisect(queried, x, points, rows, way, tolerance);
      rows = rows.filter(queried.open);
    }
    return found.candidates();
  },
});

/** `far`, brought into a ball of L∞ around x that shrinks from what holds it to nothing. */
const shrinkingBall: Way = (out, x, far, t) => {
  let radius = 0;
  for (let i = 0; i < x.length; i++) radius = Math.max(radius, Math.abs(far[i]! - x[i]!));
  radius *= t;
  for (let i = 0; i < x.length; i++) out[i] = Math.min(x[i]! + radius, Math.max(x[i]! - radius, far[i]!));
};
