import { sparseStep } from "../../steps/sparse-step.ts";
import { projectL1Box } from "./ball-and-box.ts";
import { changedElements, goBack, type Rule } from "./climber.ts";

/** Steps between two reviews, over all steps. */
const INTERVAL = 0.04;
/** Steps move this many times fewer elements than the best point does. */
const THINNING = 1.5;
/** The step shrinks by this factor, and to this part of the first at most. */
const SHRINKAGE = 1.5;
const LEAST_STEP = 0.1;
/** The number of changed elements counts as falling below this share of what it was. */
const FALLING = 0.95;

/**
 * L1 (Croce and Hein 2021, Algorithm 1): sparse steps, whose sparsity follows that of the best point. A run spends 30, 30 and
 * 40 % of its steps in balls of 3ε, 2ε and ε (multi-ε there), for the loss is easier to raise in a large ball.
 */
export const sparse: Rule = {
  stages(steps) {
    const part = Math.floor((3 * steps) / 10);
    const wider = part > 0 ? [3, 2].map((radius) => ({ radius, steps: part })) : [];
    return [...wider, { radius: 1, steps: steps - 2 * part }];
  },
  firstStep: 1,
  checkpoints(steps) {
    const interval = Math.max(1, Math.floor(INTERVAL * steps));
    return Array.from({ length: Math.floor(steps / interval) }, (_, j) => (j + 1) * interval);
  },
  project: (out, x, { epsilon, bounds }) => projectL1Box(out, x, epsilon, bounds),
  start(out, x, ball, random) {
    for (let i = 0; i < out.length; i++) out[i] = x[i]! + random.normal();
    sparse.project(out, x, ball);
  },
  review(climber, { epsilon }) {
    const changed = changedElements(climber.best, climber.x);
    const falling = changed < FALLING * climber.changed;
    climber.changed = changed;
    climber.step = falling ? epsilon : Math.max(climber.step / SHRINKAGE, LEAST_STEP * epsilon);
    if (falling) goBack(climber);
  },
  advance({ x, at, before, gradient, step, changed }, { epsilon, bounds }, _first, z) {
    before.set(at);
    sparseStep(at, gradient, Math.max(1, Math.floor(changed / THINNING)), step, bounds, z);
    projectL1Box(at, x, epsilon, bounds);
  },
  /** The best point of the loss as linearised at the best one so far: sparse steps come only near it. */
  finish: ({ at, x, bestGradient }, { norm, epsilon, bounds }) => norm.ascend(at, x, bestGradient, epsilon, bounds),
};
