import type { LoweredOperator, MicrosoftOperator } from "../../../src/autodiff/lowerings.ts";
import type { DifferentiableOperator } from "../../../src/autodiff/rules.ts";
import type { Sample } from "../gradient-check.ts";
import { activationSamples } from "./activation.ts";
import { convolutionSamples } from "./convolution.ts";
import { elementwiseSamples } from "./elementwise.ts";
import { functionSamples } from "./function.ts";
import { linearSamples } from "./linear.ts";
import { movementSamples } from "./movement.ts";
import { normalizationSamples } from "./normalization.ts";
import { poolingSamples } from "./pooling.ts";
import { reductionSamples } from "./reduction.ts";

/** What every gradient rule and lowering is checked on. One without samples does not compile. */
export const samples: Readonly<Record<DifferentiableOperator | LoweredOperator, readonly Sample[]>> = {
  ...elementwiseSamples,
  ...functionSamples,
  ...activationSamples,
  ...linearSamples,
  ...convolutionSamples,
  ...poolingSamples,
  ...movementSamples,
  ...reductionSamples,
  ...normalizationSamples,
};

export const microsoftSamples: Readonly<Record<MicrosoftOperator, readonly Sample[]>> = {};
