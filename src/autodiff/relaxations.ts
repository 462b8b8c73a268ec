import type { Relaxations } from "./relaxation.ts";
import { maxPoolRelaxations } from "./relaxations/max-pool.ts";
import { piecewiseRelaxations } from "./relaxations/piecewise.ts";
import { smoothRelaxations } from "./relaxations/smooth.ts";

/** The linear bounds of every operator that is not linear and has some, by its name in the standard domain. */
export const relaxations = {
  ...piecewiseRelaxations,
  ...smoothRelaxations,
  ...maxPoolRelaxations,
} satisfies Relaxations;
