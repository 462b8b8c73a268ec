import { type AttackTask, defineAttack } from "../../attack.ts";
import type { About } from "../../attack-options.ts";
import { checkSignal, PerturbError } from "../../errors.ts";
import { type DifferentiableModel, type Goal, take, takeGoal } from "../../model.ts";
import type { FloatTensor } from "../../tensor.ts";
import { boundaryAt, type LinearBoundary, nearestBoundary, type Place } from "../steps/linearised.ts";
import { nearest, rowsOf } from "../steps/nearest.ts";
import { rivalsOf } from "../steps/rivals.ts";
import { successOf } from "../steps/sweep.ts";
import { approach, type Pace } from "./fab/approach.ts";
import { finalSearch } from "./fab/final-search.ts";

export interface CommonOptions {
  /** Steps of a run: a linearisation and a forward pass each. */
  readonly steps: number;
  /** Runs: the first from x, the others from random points. */
  readonly restarts: number;
  /** The largest share of x, moved to the boundary, in a step. */
  readonly alphaMax: number;
  /** η: how far a step goes past the linearised boundary, as a share of the way to it. */
  readonly eta: number;
  /** β: the share of its distance to x that an adversarial point keeps when it is pulled back. */
  readonly beta: number;
  /** Forward passes on the segment from x to the nearest point found, in the end. */
  readonly finalSteps: number;
  /** A sample leaves once its point lies inside the smallest ε above 0: enough for a verdict there, not for a distance. */
  readonly stopInside: boolean;
}

export interface FabOptions extends CommonOptions {
  /** Classes whose boundaries are looked at in each step, at a gradient each: the most likely ones at x, the label aside. */
  readonly rivals: number;
}

export interface FabTargetedOptions extends CommonOptions {
  /** The classes that are targets in turn, each with runs of its own: the most likely ones at x first. */
  readonly targets: number;
}

const about: About<CommonOptions> = {
  steps: "steps of each restart: a linearisation and a forward pass each",
  restarts: "how often it starts: first from the sample, then from random points",
  alphaMax: "largest share of the sample, moved to the boundary, in a step",
  eta: "how far a step goes past the linearised boundary: 1 is onto it",
  beta: "share of its distance that an adversarial point keeps when it is pulled back",
  finalSteps: "forward passes between the sample and the nearest point found, in the end",
  stopInside: "whether a sample is done once it is fooled inside the smallest ε above 0",
};

const defaults: CommonOptions = {
  steps: 100,
  restarts: 1,
  alphaMax: 0.1,
  eta: 1.05,
  beta: 0.9,
  finalSteps: 3,
  stopInside: false,
};

/**
 * FAB (Croce and Hein 2020, Algorithm 1): the logits are linearised, and the point moves past the nearest of the linear
 * boundaries while it is drawn to the one point of it that is nearest to x; from an adversarial point it goes back towards x.
 * Defaults: the authors' code in github.com/fra31/auto-attack, and the final search of the paper, which that code leaves out.
 * Random starts lie, as in the paper, at half the distance found or half of the largest ε, whichever is less.
 *
 * Differences: the projections onto a hyperplane inside the box are exact in float64 whatever the scale of the gradient
 * (the code takes weights below 1e-8 for 0); at most `rivals` classes are looked at, for more cost too much (the code
 * looks at all); all runs are made of every sample (the code drops one that was found inside its ε: `stopInside`). A targeted
 * goal, which the paper has not: the boundary is that of the target and the largest other logit.
 */
export const fab = defineAttack<DifferentiableModel, FabOptions>({
  name: "fab",
  title: "fast adaptive boundary attack",
  paper: "https://arxiv.org/abs/1907.02044",
  norms: ["linf", "l2", "l1"],
  aim: "least-change",
  needs: "gradient",
  defaults: { ...defaults, rivals: 99 },
  about: { ...about, rivals: "classes whose boundaries are looked at in each step: the most likely" },
  propose(task, { rivals, ...options }) {
    whole("rivals", rivals, 1);
    return search(task, options, (tried) => [
      (place, rows) =>
        nearestBoundary(
          place,
          rows.map((row) => tried[row]!.subarray(0, rivals)),
        ),
    ]);
  },
});

/**
 * FAB towards one class after another: the boundary is always that of the label and this class, at one gradient a step however
 * many classes there are. Any class but the label is a success. A targeted goal has one class, and is as for FAB.
 */
export const fabT = defineAttack<DifferentiableModel, FabTargetedOptions>({
  name: "fab-t",
  title: "FAB towards one class after another",
  paper: "https://arxiv.org/abs/1907.02044",
  norms: ["linf", "l2", "l1"],
  aim: "least-change",
  needs: "gradient",
  defaults: { ...defaults, targets: 9 },
  about: { ...about, targets: "classes that are targets in turn, the most likely first" },
  propose(task, { targets, ...options }) {
    whole("targets", targets, 1);
    return search(task, options, (tried) =>
      Array.from({ length: Math.min(targets, task.model.classes - 1) }, (_, rank) => (place, rows) => {
        const { labels } = place.goal;
        const goal: Goal = { kind: "targeted", labels, targets: Int32Array.from(rows, (row) => tried[row]![rank]!) };
        return boundaryAt({ ...place, goal }, "targeted-margin");
      }),
    );
  },
});

/** The boundary that a run steps to. `rows` are those of `place.x` in the batch. */
type Linearisation = (place: Place, rows: readonly number[]) => Promise<LinearBoundary>;

/** Runs along each of the linearisations, which depend on the classes by falling logit at x; then the final search. */
async function search(
  task: AttackTask<DifferentiableModel>,
  { restarts, finalSteps, stopInside, ...pace }: CommonOptions,
  linearisations: (rivals: readonly Int32Array[]) => readonly Linearisation[],
): Promise<FloatTensor[]> {
  checkOptions({ restarts, finalSteps, stopInside, ...pace });
  const { model, x, goal, norm, indices, epsilons, start, signal } = task;
  checkSignal(signal);
  const found = nearest(task);
  const logits = start?.logits ?? (await model.logits(x, indices));
  for (const [row, reached] of successOf(logits, goal).entries()) if (reached) found.offer(row, rowsOf(x)(row));
  const enough = stopInside ? (epsilons.find((epsilon) => epsilon > 0) ?? 0) : 0;
  const open = () => found.open().filter((row) => !(found.distances[row]! <= enough));
  const toTarget: Linearisation = (place) => boundaryAt(place, "margin");
  const runs = goal.kind === "targeted" ? [toTarget] : linearisations(rivalsOf(logits, goal.labels));
  for (const [rank, linearise] of runs.entries())
    for (let restart = 0; restart < restarts; restart++)
      await approach(task, found, {
        pace,
        stream: restart > 0 ? rank * restarts + restart : undefined,
        boundary: (points, rows) =>
          linearise({ model, x: points, goal: takeGoal(goal, rows), samples: take(indices, rows), norm, signal }, rows),
        open,
      });
  await finalSearch(task, found, logits, finalSteps, open);
  return found.candidates();
}

function whole(option: string, value: number, least: number): void {
  if (!(Number.isInteger(value) && value >= least))
    throw new PerturbError("usage", `FAB's ${option} must be a whole number from ${least}, got ${value}.`);
}

function checkOptions({
  steps,
  restarts,
  finalSteps,
  alphaMax,
  eta,
  beta,
}: Omit<CommonOptions, keyof Pace> & Pace): void {
  whole("steps", steps, 1);
  whole("restarts", restarts, 1);
  whole("finalSteps", finalSteps, 0);
  for (const [name, share] of Object.entries({ alphaMax, beta }))
    if (!(share >= 0 && share <= 1))
      throw new PerturbError("usage", `FAB's ${name} is a share from 0 to 1, got ${share}.`);
  if (!(eta >= 1 && eta < Number.POSITIVE_INFINITY))
    throw new PerturbError("usage", `FAB's eta is the way past the boundary, from 1 (onto it), got ${eta}.`);
}
