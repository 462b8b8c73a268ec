import type { Relaxations } from "./relaxation.ts";
import { bentRelaxations } from "./relaxations/bent.ts";
import { clippedRelaxations } from "./relaxations/clipped.ts";
import { conditionRelaxations } from "./relaxations/condition.ts";
import { gatedRelaxations } from "./relaxations/gated.ts";
import { levelRelaxations } from "./relaxations/level.ts";
import { maxPoolRelaxations } from "./relaxations/max-pool.ts";
import { piecewiseRelaxations } from "./relaxations/piecewise.ts";
import { planeRelaxations } from "./relaxations/plane.ts";
import { powerRelaxations } from "./relaxations/power.ts";
import { smoothRelaxations } from "./relaxations/smooth.ts";
import { softmaxRelaxations } from "./relaxations/softmax.ts";
import { waveRelaxations } from "./relaxations/wave.ts";

/** The linear bounds of every operator that is not linear and has some, by its name in the standard domain. */
export const relaxations = {
  ...piecewiseRelaxations,
  ...clippedRelaxations,
  ...smoothRelaxations,
  ...bentRelaxations,
  ...gatedRelaxations,
  ...powerRelaxations,
  ...waveRelaxations,
  ...planeRelaxations,
  ...softmaxRelaxations,
  ...levelRelaxations,
  ...conditionRelaxations,
  ...maxPoolRelaxations,
} satisfies Relaxations;
