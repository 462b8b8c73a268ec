import { defineAttack } from "../../attack.ts";
import type { Model } from "../../model.ts";
import { randomFor } from "../../random.ts";
import { sampleSize } from "../../tensor.ts";
import { checkNumbers, oracle } from "../steps/decision.ts";
import { starts } from "../steps/decision-start.ts";
import { nearest, rowsOf } from "../steps/nearest.ts";
import { proposals, verdicts } from "./boundary/walk.ts";

export interface BoundaryOptions {
  /** Proposals a sample, each of which is a query; every tenth makes another for its orthogonal step alone. */
  readonly steps: number;
  /** δ and ε at the start: the lengths of the orthogonal step and of the one towards x, as parts of the distance from x. */
  readonly sphericalStep: number;
  readonly sourceStep: number;
  /** A sample is done once its ε has fallen below this. */
  readonly convergence: number;
  /** What δ and ε are multiplied or divided by. */
  readonly adaptation: number;
  /** Most queries for a sample, the start included. */
  readonly queries: number;
}

/** Draws of the orthogonal steps; the start has a stream of its own. */
const STREAM = 1;
const PROBE_EVERY = 10;
/** The outcomes that δ and ε are adapted by, and the shares of success above and below which they grow and shrink. */
const SPHERICAL = { outcomes: 20, above: 0.5, below: 0.2 };
const SOURCE = { outcomes: 30, above: 0.25, below: 0.1 };

/**
 * The Boundary attack (Brendel, Rauber and Bethge 2018, algorithm 1): a walk along the boundary by rejection sampling. A
 * proposal is a random step orthogonal to the direction of x, brought back to the sphere around x, then a step towards x; it is
 * taken where it is adversarial. Both lengths follow the share of proposals that are. Defaults: Foolbox 3, by the authors.
 *
 * Differences from Foolbox: the lengths are adapted sooner (by each proposal, not each tenth, and by 20 orthogonal steps,
 * not 100), which takes a third off the median distance after 5,000 queries on MNIST, and changes nothing after 25,000; each
 * sample has draws of its own; the start is found by bisection; a sample without one stays as it was, where Foolbox gives
 * up the batch; x is asked first.
 */
export const boundary = defineAttack<Model, BoundaryOptions>({
  name: "boundary",
  title: "Boundary attack",
  paper: "https://arxiv.org/abs/1712.04248",
  norms: ["l2"],
  aim: "least-change",
  needs: "logits",
  learns: true,
  defaults: {
    steps: 25_000,
    sphericalStep: 0.01,
    sourceStep: 0.01,
    convergence: 1e-7,
    adaptation: 1.5,
    queries: 30_000,
  },
  about: {
    steps: "proposals, a query each; every tenth makes another query",
    sphericalStep: "first length of the orthogonal step, as a share of the distance from the sample",
    sourceStep: "first length of the step towards the sample, as a share of the distance from it",
    convergence: "a sample is done once its step towards the sample is below this share of the distance",
    adaptation: "factor by which both steps grow or shrink",
    queries: "most queries for a sample, with those of the start",
  },
  async propose(task, { steps, sphericalStep, sourceStep, convergence, adaptation, queries }) {
    checkNumbers(
      "Boundary",
      { steps, queries },
      { sphericalStep, sourceStep, convergence, "adaptation - 1": adaptation - 1 },
    );
    const { model, x, norm, indices, seed } = task;
    const size = sampleSize(x);
    const found = nearest(task);
    const queried = oracle(task, queries, found);
    const { points, rows: started } = await starts(task, queried);
    const [original, point] = [rowsOf(x), rowsOf(points)];
    const walkers = Array.from(indices, () => ({
      spherical: sphericalStep,
      source: sourceStep,
      bySpherical: verdicts(SPHERICAL),
      bySource: verdicts(SOURCE),
    }));
    const asked = new Float32Array(2 * started.length * size);
    const part = (i: number) => asked.subarray(i * size, (i + 1) * size);
    const walk = proposals(size, model.bounds);
    let rows = started;
    for (let k = 1; k <= steps && rows.length > 0; k++) {
      const n = rows.length;
      // The points of the orthogonal steps follow the proposals.
      for (const [i, row] of rows.entries())
        walk(part(i), part(n + i), original(row), point(row), walkers[row]!, randomFor(seed, indices[row]!, STREAM, k));
      const whose = k % PROBE_EVERY === 0 ? [...rows, ...rows] : rows;
      const answers = await queried.ask(asked.subarray(0, whose.length * size), whose);
      for (const [i, row] of rows.entries()) {
        const [walker, at] = [walkers[row]!, original(row)];
        // Rounding may have kept it from coming nearer.
        if (answers[i] && norm.distance(part(i), at) < norm.distance(point(row), at)) point(row).set(part(i));
        if (whose.length > n) {
          const factor = adaptation ** walker.bySpherical(answers[n + i]!);
          walker.spherical *= factor;
          walker.source *= factor;
        }
        walker.source *= adaptation ** walker.bySource(answers[i]!);
      }
      rows = rows.filter((row) => walkers[row]!.source >= convergence && queried.open(row));
    }
    return found.candidates();
  },
});
