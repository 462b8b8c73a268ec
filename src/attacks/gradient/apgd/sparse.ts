import { sparseStep } from "../../steps/sparse-step.ts";
import { projectL1Box } from "./ball-and-box.ts";
import { goBack, type Rule } from "./climber.ts";

/** Steps between two reviews, over all steps. */
const INTERVAL = 0.04;
/** Steps move this many times fewer elements than the best point does. */
const THINNING = 1.5;
/** The step shrinks by this factor, and to this part of the first at most. */
const SHRINKAGE = 1.5;
const LEAST_STEP = 0.1;
/** The number of changed elements counts as falling below this share of what it was. */
const FALLING = 0.95;

/** L1 (Croce and Hein 2021, Algorithm 1): sparse steps, whose sparsity follows that of the best point. */
export const sparse: Rule = {
  firstStep: 1,
  checkpoints(steps) {
    const interval = Math.max(1, Math.floor(INTERVAL * steps));
    return Array.from({ length: Math.floor(steps / interval) }, (_, j) => (j + 1) * interval);
  },
  start(out, x, { epsilon, bounds }, random) {
    for (let i = 0; i < out.length; i++) out[i] = x[i]! + random.normal();
    projectL1Box(out, x, epsilon, bounds);
  },
  review(climber, { epsilon }) {
    const { best, x } = climber;
    let changed = 0;
    for (let i = 0; i < x.length; i++) if (best[i] !== x[i]) changed++;
    const falling = changed < FALLING * climber.changed;
    climber.share = changed / x.length / THINNING;
    climber.changed = changed;
    climber.step = falling ? epsilon : Math.max(climber.step / SHRINKAGE, LEAST_STEP * epsilon);
    if (falling) goBack(climber);
  },
  advance({ x, at, before, gradient, step, share }, { epsilon, bounds }, _first, z) {
    before.set(at);
    sparseStep(at, gradient, Math.max(1, Math.floor(share * at.length + 1e-9)), step, bounds, z);
    projectL1Box(at, x, epsilon, bounds);
  },
};
