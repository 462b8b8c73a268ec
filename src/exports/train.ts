/**
 * Training: networks of ONNX files against attacks.
 * @module
 */
export type { OptionsDeclared, OptionValue } from "../attack-options.ts";
export type { Augmentation } from "../harden/augment.ts";
export { type HardenOptions, type HardenResult, harden } from "../harden/harden.ts";
export type { ClimbOptions } from "../harden/inner/climb.ts";
export type { NoiseOptions } from "../harden/inner/noise.ts";
export { type AwpOptions, awp } from "../harden/methods/awp.ts";
export { type ConsistencyOptions, consistency } from "../harden/methods/consistency.ts";
export { type CrownIbpOptions, crownIbp } from "../harden/methods/crown-ibp.ts";
export { type FgsmRsOptions, fgsmRs } from "../harden/methods/fgsm-rs.ts";
export { gaussian } from "../harden/methods/gaussian.ts";
export { type GradAlignOptions, gradAlign } from "../harden/methods/grad-align.ts";
export { type IbpOptions, ibp } from "../harden/methods/ibp.ts";
export { type MethodName, methods } from "../harden/methods/index.ts";
export type { Smoothing } from "../harden/methods/losses.ts";
export { type MartOptions, mart } from "../harden/methods/mart.ts";
export { type NFgsmOptions, nFgsm } from "../harden/methods/n-fgsm.ts";
export { type PgdTrainingOptions, pgd } from "../harden/methods/pgd.ts";
export type { Rise } from "../harden/methods/rise.ts";
export { type SabrOptions, sabr } from "../harden/methods/sabr.ts";
export { type SmoothAdvOptions, smoothAdv } from "../harden/methods/smooth-adv.ts";
export { standard } from "../harden/methods/standard.ts";
export { type TradesOptions, trades } from "../harden/methods/trades.ts";
export type { HardenCourse } from "../harden/options.ts";
export {
  type AnyMethod,
  type ConfiguredMethod,
  defineMethod,
  type EpochScore,
  type HardenEpoch,
  type HardenProgress,
  type HardenState,
  type InnerModel,
  type InnerTask,
  type LossContext,
  type Method,
  type MethodChoice,
  type Moment,
  type Snapshot,
  type TrainingNorm,
  type Validation,
} from "../harden.ts";
export type { Length, RelativeLength } from "../length.ts";
export type { DataFiles } from "../models/formats/data-files.ts";
export type { Chosen } from "../models/parameters/names.ts";
export { type AdamOptions, adam } from "../train/adam.ts";
export { type InitializerName, initializers } from "../train/initializers.ts";
export { type ScheduleName, schedules } from "../train/schedule.ts";
export { type SgdOptions, sgd } from "../train/sgd.ts";
export type { Initializer, Optimizer, Schedule, Score, Update, UpdateContext } from "../train.ts";
