import type { Bounds } from "../../../model.ts";
import type { Norm } from "../../../norm.ts";
import type { Random } from "../../../random.ts";

/** Where the climbers may go. */
export interface Ball {
  readonly norm: Norm;
  readonly epsilon: number;
  readonly bounds: Bounds;
}

/** One sample on its way up; each has its own step size and memory. Points and gradients are flat. */
export interface Climber {
  /** Its row in the batch. */
  readonly row: number;
  /** The sample itself. */
  readonly x: Float32Array;
  readonly at: Float32Array;
  /** Where it stood before its last step. */
  readonly before: Float32Array;
  readonly best: Float32Array;
  readonly bestGradient: Float32Array;
  /** The gradient at `at`. */
  gradient: Float32Array;
  loss: number;
  bestLoss: number;
  step: number;
  /** How often the loss rose since the last checkpoint. */
  rises: number;
  /** The best loss at the last checkpoint. */
  checkedLoss: number;
  /** Whether the step was halved at the last checkpoint. */
  halved: boolean;
  /** L1: how many elements of the best point differed from the sample at the last checkpoint, or at the start. */
  changed: number;
}

/** A part of a run: so many steps in a ball of `radius` times ε. */
export interface Stage {
  readonly radius: number;
  readonly steps: number;
}

/** How climbers move in a norm. */
export interface Rule {
  /** The stages of a run of so many steps; the last one's radius is 1. */
  readonly stages: (steps: number) => readonly Stage[];
  /** The first step's size over ε. */
  readonly firstStep: number;
  /** The numbers of steps of a stage after which the step sizes are reviewed, rising. */
  readonly checkpoints: (steps: number) => readonly number[];
  /** Moves a point into the ball and the bounds. */
  readonly project: (out: Float32Array, x: Float32Array, ball: Ball) => void;
  /** Draws a starting point in the ball and the bounds, into `out`. */
  readonly start: (out: Float32Array, x: Float32Array, ball: Ball, random: Random) => void;
  /** Decides at a checkpoint, `since` steps after the last one, how to go on, and from where. */
  readonly review: (climber: Climber, ball: Ball, since: number, rho: number) => void;
  /** Takes one step: sets `at` and `before`. `scratch` has the size of a sample. */
  readonly advance: (climber: Climber, ball: Ball, first: boolean, scratch: Float32Array) => void;
  /** Sets `at` to the point to be looked at after the last step of a run. */
  readonly finish?: (climber: Climber, ball: Ball) => void;
}

export function newClimber(row: number, x: Float32Array, at: Float32Array, step: number): Climber {
  return {
    row,
    x,
    at,
    before: at.slice(),
    best: at.slice(),
    bestGradient: new Float32Array(x.length),
    gradient: at,
    loss: Number.NaN,
    bestLoss: Number.NEGATIVE_INFINITY,
    step,
    rises: 0,
    checkedLoss: Number.NEGATIVE_INFINITY,
    halved: true,
    changed: changedElements(at, x),
  };
}

/** How many elements differ. */
export const changedElements = (point: Float32Array, x: Float32Array): number => {
  let changed = 0;
  for (let i = 0; i < x.length; i++) if (point[i] !== x[i]) changed++;
  return changed;
};

/** Notes what the model says of the point where the climber stands. */
export function observe(climber: Climber, loss: number, gradient: Float32Array): void {
  climber.gradient = gradient;
  if (loss > climber.loss) climber.rises++;
  climber.loss = loss;
  if (!(loss > climber.bestLoss)) return;
  climber.bestLoss = loss;
  climber.best.set(climber.at);
  climber.bestGradient.set(gradient);
}

/** Goes back to the best point so far. */
export function goBack(climber: Climber): void {
  climber.at.set(climber.best);
  climber.gradient = climber.bestGradient;
}
