/**
 * perturb: measures the adversarial robustness of ONNX classifiers. What is here runs in Node and in a browser; opening
 * files by path is in "perturb/node".
 * @module
 */
export type { Architecture } from "./architecture.ts";
export { type ArchitectureName, architectures } from "./architectures/index.ts";
export {
  type AnyAttack,
  type Attack,
  type AttackChoice,
  type AttackDefinition,
  type AttackTask,
  type Configured,
  defineAttack,
  type Examples,
  judge,
  predict,
  type Verdict,
} from "./attack.ts";
export type { About, Choices, ChoicesDeclared, Given, LengthWords, OptionsDeclared, Worded } from "./attack-options.ts";
export type { LeftOut } from "./attacks/steps/members.ts";
export type { HeadChoice, Pool, Reading } from "./autodiff/reading.ts";
export {
  type Batch,
  type BatchOptions,
  type ByteSource,
  batchRanges,
  bytesSource,
  type ClassFolders,
  type Dataset,
  type Drawn,
  type Open,
  withShape,
} from "./dataset.ts";
export {
  type ArraysOptions,
  type ClassArrays,
  datasetOf,
  type LabelSetArrays,
  type SampleArrays,
} from "./datasets/in-memory.ts";
export { type ErrorCode, type ErrorDetails, PerturbError } from "./errors.ts";
export {
  type AdversarialBatch,
  type AdversarialExamples,
  type AdversarialOptions,
  adversarialExamples,
} from "./evaluate/adversarial.ts";
export {
  type BeforeAfter,
  type CalibrateOptions,
  type Calibration,
  type CalibrationFigures,
  calibrate,
  type ReliabilityBin,
} from "./evaluate/calibration/calibrate.ts";
export type { CertifyOptions } from "./evaluate/certifying.ts";
export type { Certified } from "./evaluate/checks/certified.ts";
export { type CompareOptions, compare } from "./evaluate/compare.ts";
export type { BatchPlan } from "./evaluate/course/batch.ts";
export type { CascadePlan, Entry as PlannedAttack } from "./evaluate/course/cascade.ts";
export type { PlanOptions } from "./evaluate/course/plan.ts";
export type { CertifyPlan } from "./evaluate/course/proofs.ts";
export type { Progress } from "./evaluate/course/run.ts";
export {
  type Detection,
  type DetectionFigures,
  type DetectionPass,
  type DetectionPoint,
  type DetectOptions,
  detect,
} from "./evaluate/detection/detect.ts";
export {
  type EvaluateOptions,
  evaluate,
  type OnProgress,
  type OpenEvaluation,
  openEvaluation,
} from "./evaluate/evaluation.ts";
export type { HalvesOptions } from "./evaluate/halves.ts";
export {
  type AlongOptions,
  type LinearView,
  type LinearViewOptions,
  linearView,
  logitsAlong,
} from "./evaluate/linear/along.ts";
export type { Linearity } from "./evaluate/linear/contract.ts";
export type { Rise } from "./evaluate/linear/rises.ts";
export type { AttackOptions, Order } from "./evaluate/opening.ts";
export type { Evaluator, Job, WorkPlace } from "./evaluate/place.ts";
export { here } from "./evaluate/places/here.ts";
export {
  type Comparison,
  compareRuns,
  type PairedAccuracy,
  type RecordedRun,
  type Side as ComparedRun,
} from "./evaluate/results/compare.ts";
export type { GateAsked } from "./evaluate/results/gates.ts";
export type { PairedCounts } from "./evaluate/results/paired.ts";
export type { Subject } from "./evaluate/results/result.ts";
export type {
  AttackTally,
  CertifiedTally,
  Confusion,
  LinearityTally,
  LossTally,
  PointTally,
  Shown as ShownExample,
  Tally,
  UnadaptedTally,
  WorstTally,
} from "./evaluate/results/tally.ts";
export type { Places, Shard } from "./evaluate/shard.ts";
export type { Ground } from "./evaluate/state/facts.ts";
export type { EvaluationState, OpenState } from "./evaluate/state.ts";
export type {
  Accuracy,
  AttackSummary,
  BoundLosses,
  Certification,
  DefenceResult,
  Ending,
  Evaluation,
  EvaluationResult,
  Example,
  Gate,
  LabelAccuracy,
  Outcome,
  Picture,
  Point,
  SampleRecord,
  Warning,
  WorstPoint,
} from "./evaluate.ts";
export type { Length, RelativeLength } from "./length.ts";
export type {
  Bounds,
  DifferentiableModel,
  ElementBounds,
  Goal,
  Gradient,
  Head,
  LabelSets,
  Loss,
  Model,
  TargetedLoss,
} from "./model.ts";
export { type CallbackOptions, callbackModel } from "./models/callback.ts";
export type { BoundsGiven, EpsilonUnit } from "./models/classifier/bounds.ts";
export {
  type ClassifierFile,
  type ClassifierOptions,
  classifierFile,
  type FedRows,
  gradientGraph,
} from "./models/classifier/classifier.ts";
export { type GraphModel, openClassifier } from "./models/classifier/graph-model.ts";
export { type Inspection, inspectGraph } from "./models/classifier/inspect.ts";
export { type MultiLabelOptions, multiLabel } from "./models/classifier/multi-label.ts";
export type { Perturbed } from "./models/classifier/picture.ts";
export type { ChannelOrder, Normalization } from "./models/classifier/preprocess.ts";
export { revealHead } from "./models/classifier/reveal.ts";
export type { Endpoints } from "./models/classifier/select.ts";
export type { Defence, DefenceNumber, DefenceSite, PlaneSize } from "./models/defence.ts";
export { type DefendOptions, defend } from "./models/defences/front.ts";
export { type DefenceName, defences } from "./models/defences/index.ts";
export { type DefenceFacts, defencesOf, undefended } from "./models/defences/recognise.ts";
export type { CleanOutputs, Detector, DetectorSite, FittedDetector, ScoreBuilder } from "./models/detector.ts";
export { type DetectorName, detectors } from "./models/detectors/index.ts";
export { logitDistance } from "./models/detectors/logit-distance.ts";
export { squeeze } from "./models/detectors/squeeze.ts";
export { checkedOnDevice } from "./models/device-check.ts";
export { readModel } from "./models/formats/read.ts";
export type { StateDict } from "./models/formats/state-dict.ts";
export { readWeights } from "./models/formats/weights.ts";
export { type GraphOptions, type ModelOptions, type OpenModelOptions, openModel } from "./models/open.ts";
export type { Parameter } from "./models/parameters/find.ts";
export type { ParameterRole } from "./models/parameters/places.ts";
export { type ConfigurationOptions, preprocessingIn } from "./models/preprocessing/config.ts";
export {
  type CropRounding,
  type Interpolation,
  type PictureFacts,
  type PictureSteps,
  type Preprocessing,
  type PreprocessingName,
  preprocessings,
} from "./models/preprocessing/preprocessing.ts";
export { type EndpointModel, type EndpointOptions, openEndpoint } from "./models/remote/endpoint.ts";
export type { HttpOptions, Retry } from "./models/remote/http.ts";
export { withTemperature } from "./models/temperature.ts";
export { averaged } from "./models/wrapped/averaged.ts";
export { type Meter, metered, type Queries } from "./models/wrapped/metered.ts";
export { rounded } from "./models/wrapped/rounded.ts";
export { type Query, traced } from "./models/wrapped/traced.ts";
export { type Box, type Norm, type NormName, norms } from "./norm.ts";
export type { Note } from "./option.ts";
export { type Random, randomFor } from "./random.ts";
export { type Ort, type OrtOptions, ortRuntime } from "./runtime/ort.ts";
export type { Device, Program, Runtime } from "./runtime.ts";
export {
  type Completeness,
  completeness,
  gradientMap,
  gradientTimesInput,
  type IntegratedGradientsOptions,
  integratedGradients,
  type SaliencyTask,
  type SmoothGradOptions,
  smoothGrad,
} from "./saliency.ts";
export { type ElementType, type FloatTensor, type Tensor, type TensorArrays, tensor, toFloat32 } from "./tensor.ts";
export { VERSION } from "./version.ts";
