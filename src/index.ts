/**
 * perturb: measures the adversarial robustness of ONNX classifiers. What is here runs in Node and in a browser; opening
 * files by path is in "perturb/node".
 * @module
 */
export type { Architecture } from "./architecture.ts";
export { architectures } from "./architectures/index.ts";
export {
  type Attack,
  type AttackTask,
  type Configured,
  defineAttack,
  type Examples,
  judge,
  predict,
  type Verdict,
} from "./attack.ts";
export {
  type Batch,
  type BatchOptions,
  type ByteSource,
  bytesSource,
  type Dataset,
  type Open,
  withShape,
} from "./dataset.ts";
export { type ErrorCode, PerturbError } from "./errors.ts";
export { type AdversarialBatch, type AdversarialOptions, adversarialBatches } from "./evaluate/adversarial.ts";
export {
  type AlongOptions,
  type LinearView,
  type LinearViewOptions,
  linearView,
  logitsAlong,
} from "./evaluate/along.ts";
export { type Comparison, compareRuns, type PairedAccuracy, type RecordedRun } from "./evaluate/compare.ts";
export { evaluate, subjectOf } from "./evaluate/local.ts";
export { type Meter, metered, type Queries } from "./evaluate/meter.ts";
export type { Subject } from "./evaluate/result.ts";
export {
  type EvaluateOptions,
  type Evaluator,
  evaluate as evaluateBy,
  examplesFor,
  type Journal,
  localEvaluator,
  type Progress,
  planOf,
} from "./evaluate/run.ts";
export type {
  Accuracy,
  AttackSummary,
  Evaluation,
  EvaluationResult,
  Example,
  Linearity,
  Picture,
  Point,
  SampleRecord,
  Warning,
  WorstPoint,
} from "./evaluate.ts";
export type { Bounds, DifferentiableModel, Goal, Gradient, Head, Loss, Model } from "./model.ts";
export { averaged } from "./models/averaged.ts";
export { type CallbackOptions, callbackModel } from "./models/callback.ts";
export { type ClassifierFile, type ClassifierOptions, classifierFile, gradientGraph } from "./models/classifier.ts";
export { type EndpointModel, type EndpointOptions, openEndpoint } from "./models/endpoint.ts";
export { type GraphModel, openClassifier } from "./models/graph-model.ts";
export type { HttpOptions, Retry } from "./models/http.ts";
export { type Inspection, inspectGraph } from "./models/inspect.ts";
export { graphIn, type OpenedGraph, openGraphModel } from "./models/open.ts";
export type { Normalization } from "./models/preprocess.ts";
export { readModel } from "./models/read.ts";
export { revealHead } from "./models/reveal.ts";
export { rounded } from "./models/rounded.ts";
export { type Question, traced } from "./models/traced.ts";
export { readWeights } from "./models/weights.ts";
export { type Norm, type NormName, norms } from "./norm.ts";
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
export { type ElementType, type FloatTensor, type Tensor, tensor, toFloat32 } from "./tensor.ts";
export { VERSION } from "./version.ts";
