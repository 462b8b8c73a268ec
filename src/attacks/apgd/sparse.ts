import type { Bounds } from "../../model.ts";
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
    for (let i = 0; i < z.length; i++) z[i] = steepness(gradient[i]!, at[i]!, bounds);
    z.sort();
    const threshold = z[z.length - Math.max(1, Math.floor(share * z.length + 1e-9))]!;
    let moving = 0;
    for (let i = 0; i < z.length; i++) {
      z[i] = steepness(gradient[i]!, at[i]!, bounds);
      if (z[i]! > 0 && z[i]! >= threshold) moving++;
    }
    const each = step / moving;
    for (let i = 0; i < z.length; i++) if (z[i]! > 0 && z[i]! >= threshold) at[i]! += gradient[i]! > 0 ? each : -each;
    projectL1Box(at, x, epsilon, bounds);
  },
};

/** |g|, or 0 for an element that the box keeps from following it. */
const steepness = (g: number, at: number, { lower, upper }: Bounds): number =>
  g > 0 ? (at < upper ? g : 0) : g < 0 && at > lower ? -g : 0;
