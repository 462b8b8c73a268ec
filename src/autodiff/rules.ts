import type { Rules } from "./rule.ts";
import { activationRules } from "./rules/activation.ts";
import { convolutionRules } from "./rules/convolution.ts";
import { determinantRules } from "./rules/determinant.ts";
import { einsumRules } from "./rules/einsum.ts";
import { elementwiseRules } from "./rules/elementwise.ts";
import { functionRules } from "./rules/function.ts";
import { gridSampleRules } from "./rules/grid-sample.ts";
import { indexingRules } from "./rules/indexing.ts";
import { linearRules } from "./rules/linear.ts";
import { lpPoolRules } from "./rules/lp-pool.ts";
import { maxPoolRules } from "./rules/max-pool.ts";
import { movementRules } from "./rules/movement.ts";
import { normalizationRules } from "./rules/normalization.ts";
import { poolingRules } from "./rules/pooling.ts";
import { quantizationRules } from "./rules/quantization.ts";
import { rearrangementRules } from "./rules/rearrangement.ts";
import { reductionRules } from "./rules/reduction.ts";
import { remainderRules } from "./rules/remainder.ts";
import { resizeRules } from "./rules/resize.ts";
import { scanRules } from "./rules/scan.ts";
import { scatterRules } from "./rules/scatter.ts";
import { standardizationRules } from "./rules/standardization.ts";
import { tensorScatterRules } from "./rules/tensor-scatter.ts";

/** The gradient of every operator that has one, by its name in the standard domain. */
export const rules = {
  ...elementwiseRules,
  ...functionRules,
  ...activationRules,
  ...linearRules,
  ...determinantRules,
  ...convolutionRules,
  ...poolingRules,
  ...maxPoolRules,
  ...lpPoolRules,
  ...movementRules,
  ...rearrangementRules,
  ...indexingRules,
  ...scatterRules,
  ...tensorScatterRules,
  ...scanRules,
  ...einsumRules,
  ...remainderRules,
  ...reductionRules,
  ...normalizationRules,
  ...standardizationRules,
  ...resizeRules,
  ...gridSampleRules,
  ...quantizationRules,
} satisfies Rules;

/** Operators whose rule asks for the gradients of all outputs; the others know of the first one only. */
export const manyOutputs: ReadonlySet<string> = new Set<keyof typeof rules>([
  "DynamicQuantizeLinear",
  "LayerNormalization",
  "Split",
]);

export type DifferentiableOperator = keyof typeof rules;

/** Operators whose derivative is zero wherever it exists: they pass no gradient, as in PyTorch. */
export const zeroGradient: ReadonlySet<string> = new Set([
  "ArgMax",
  "ArgMin",
  // Drawn with the chances that the input gives.
  "Bernoulli",
  "Ceil",
  "Equal",
  // Made of the shape alone.
  "EyeLike",
  "Floor",
  "Greater",
  "GreaterOrEqual",
  // One at the largest element: constant between the steps.
  "Hardmax",
  "Less",
  "LessOrEqual",
  "Not",
  "And",
  "Or",
  "Xor",
  "Round",
  "Shape",
  "Sign",
  "Size",
  "ConstantOfShape",
  "IsInf",
  "IsNaN",
  "NonZero",
  "OptionalHasElement",
  "SequenceLength",
  // Drawn in the shape of the input, whatever its values.
  "RandomNormalLike",
  "RandomUniformLike",
]);
