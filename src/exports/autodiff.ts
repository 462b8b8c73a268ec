/**
 * Reverse-mode differentiation of ONNX graphs, graph to graph.
 * @module
 */
export type { BatchAxis } from "../autodiff/batch-axis.ts";
export { type GradientSupport, gradientSupport, obstacles, type TypeOf } from "../autodiff/coverage.ts";
export { asClassifier, type Classifier, differentiate, sampleShape } from "../autodiff/differentiate.ts";
export { backward, gradients, type RuleTable } from "../autodiff/engine.ts";
export { findHead, type HeadInfo, type HeadKind, type OuterSigmoid } from "../autodiff/head.ts";
export type { Affine, LogitsFound } from "../autodiff/head-steps.ts";
export {
  type LossBuilder,
  type LossName,
  type LossNodes,
  losses,
  type TargetedLossBuilder,
  type TargetedLossName,
} from "../autodiff/loss.ts";
export { type LoweringTable, lower } from "../autodiff/lower.ts";
export type { Collection, Lowering, LoweringContext } from "../autodiff/lowering.ts";
export type { HeadChoice, Pool, Reading, ScoreKind } from "../autodiff/reading.ts";
export type { Amend } from "../autodiff/residue.ts";
export type { Rule, RuleContext, Rules } from "../autodiff/rule.ts";
export { type DifferentiableOperator, rules, zeroGradient } from "../autodiff/rules.ts";
