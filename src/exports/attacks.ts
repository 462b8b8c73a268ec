/**
 * The attacks, each by its name and with the type of its options, and all of them in one value.
 * @module
 */
export {
  type AnyAttack,
  type Attack,
  type AttackChoice,
  type AttackDefinition,
  type AttackTask,
  type Configured,
  configured,
  defineAttack,
  type Examples,
} from "../attack.ts";
export {
  type About,
  type Choices,
  type ChoicesDeclared,
  type Given,
  type LengthWords,
  type OptionFacts,
  type OptionsDeclared,
  type OptionValue,
  optionsOf,
  type Worded,
} from "../attack-options.ts";
export { gaussianNoise } from "../attacks/baselines/gaussian-noise.ts";
export { saltAndPepper } from "../attacks/baselines/salt-and-pepper.ts";
export { uniformNoise } from "../attacks/baselines/uniform-noise.ts";
export { type BoundaryOptions, boundary } from "../attacks/decisions/boundary.ts";
export { type HopSkipJumpOptions, hopskipjump } from "../attacks/decisions/hopskipjump.ts";
export {
  type AutoAttackOptions,
  type AutoAttackPlusOptions,
  type AutoAttackRandOptions,
  autoAttack,
  autoAttackPlus,
  autoAttackRand,
} from "../attacks/ensembles/auto-attack.ts";
export { type ApgdOptions, type ApgdTargetedOptions, apgdCe, apgdDlr, apgdT } from "../attacks/gradient/apgd.ts";
export { type BimOptions, bim } from "../attacks/gradient/bim.ts";
export { fgsm } from "../attacks/gradient/fgsm.ts";
export { type MiFgsmOptions, miFgsm } from "../attacks/gradient/mi-fgsm.ts";
export { niFgsm } from "../attacks/gradient/ni-fgsm.ts";
export { type PgdOptions, pgd } from "../attacks/gradient/pgd.ts";
export { type RFgsmOptions, rFgsm } from "../attacks/gradient/r-fgsm.ts";
export { type SparseL1Options, sparseL1 } from "../attacks/gradient/sparse-l1.ts";
export { type AttackFamily, type AttackName, attacks, families } from "../attacks/index.ts";
export { type CwOptions, cw } from "../attacks/least-change/cw.ts";
export { type CwLinfOptions, cwLinf } from "../attacks/least-change/cw-linf.ts";
export { type DdnOptions, ddn } from "../attacks/least-change/ddn.ts";
export { type DeepFoolOptions, deepfool } from "../attacks/least-change/deepfool.ts";
export { type EadOptions, ead } from "../attacks/least-change/ead.ts";
export {
  type CommonOptions as FabCommonOptions,
  type FabOptions,
  type FabTargetedOptions,
  fab,
  fabT,
} from "../attacks/least-change/fab.ts";
export { type FmnOptions, fmn } from "../attacks/least-change/fmn.ts";
export { type JsmaOptions, jsma, type Outputs as JsmaOutputs } from "../attacks/least-change/jsma.ts";
export { type SigmaZeroOptions, sigmaZero } from "../attacks/least-change/sigma-zero.ts";
export { type NesOptions, nes } from "../attacks/scores/nes.ts";
export { type OnePixelOptions, onePixel } from "../attacks/scores/one-pixel.ts";
export { type SpsaOptions, spsa } from "../attacks/scores/spsa.ts";
export { type SquareOptions, square } from "../attacks/scores/square.ts";
export type { AscentOptions } from "../attacks/steps/ascent.ts";
export type { MemberOptions } from "../attacks/steps/ensemble.ts";
export { defineEnsemble, type EnsembleDefinition } from "../attacks/steps/ensemble.ts";
export type { AttackLoss } from "../attacks/steps/losses.ts";
export type { NoiseOptions } from "../attacks/steps/noise.ts";
export type { L1Step, Optimizer } from "../attacks/steps/stepper.ts";
export {
  type RotationTranslationOptions,
  rotationTranslation,
} from "../attacks/transfer-and-structure/rotation-translation.ts";
export {
  type Method as TransferMethod,
  type TransferOptions,
  transfer,
} from "../attacks/transfer-and-structure/transfer.ts";
export { type UniversalOptions, universal } from "../attacks/transfer-and-structure/universal.ts";
export type { Length, RelativeLength } from "../length.ts";
