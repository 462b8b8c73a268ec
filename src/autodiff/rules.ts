import type { Rules } from "./rule.ts";
import { activationRules } from "./rules/activation.ts";
import { convolutionRules } from "./rules/convolution.ts";
import { elementwiseRules } from "./rules/elementwise.ts";
import { functionRules } from "./rules/function.ts";
import { linearRules } from "./rules/linear.ts";
import { movementRules } from "./rules/movement.ts";
import { normalizationRules } from "./rules/normalization.ts";
import { poolingRules } from "./rules/pooling.ts";
import { reductionRules } from "./rules/reduction.ts";

/** The gradient of every operator that has one, by its name in the standard domain. */
export const rules = {
  ...elementwiseRules,
  ...functionRules,
  ...activationRules,
  ...linearRules,
  ...convolutionRules,
  ...poolingRules,
  ...movementRules,
  ...reductionRules,
  ...normalizationRules,
} satisfies Rules;

/** Operators whose rule asks for the gradients of all outputs; the others know of the first one only. */
export const manyOutputs: ReadonlySet<string> = new Set<keyof typeof rules>(["Split"]);

export type DifferentiableOperator = keyof typeof rules;

/** Operators whose derivative is zero wherever it exists: they pass no gradient, as in PyTorch. */
export const zeroGradient: ReadonlySet<string> = new Set([
  "ArgMax",
  "ArgMin",
  "Ceil",
  "Equal",
  "Floor",
  "Greater",
  "GreaterOrEqual",
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
  "IsNaN",
  "NonZero",
]);
