/**
 * Proofs: certified accuracy, properties of networks, and bounds alone.
 * @module
 */
export type { Rows as BoundRows } from "../certify/bounds/batches.ts";
export { type Ball, type BallNorm, type Box, ball } from "../certify/bounds/box.ts";
export type { Method as BoundMethod } from "../certify/bounds/ends.ts";
export { type BoundOptions, bounds } from "../certify/lower-bounds.ts";
export {
  type CertifySmoothingOptions,
  certifySample,
  certifySmoothing,
  predictSample,
  type SmoothedClass,
  type SmoothedSample,
  type SmoothingInput,
} from "../certify/smoothing/certify.ts";
export { type Counter, counterOf, type Draws, type NoiseOptions, type Stream } from "../certify/smoothing/counter.ts";
export {
  type Certificate as SmoothingCertificate,
  type CertifiedShare,
  type SmoothingFigures,
  smoothingFigures,
} from "../certify/smoothing/figures.ts";
export { type SmoothedGraphOptions, smoothedGraph } from "../certify/smoothing/graph.ts";
export { largestRadius, type SmoothingOptions, type SmoothingPlan, smoothingPlan } from "../certify/smoothing/plan.ts";
export type { Answer } from "../certify/verify/answer.ts";
export type { Case, Inequality, Property } from "../certify/verify/property.ts";
export { type VerifyOptions, verify } from "../certify/verify/verify.ts";
export type { Witness } from "../certify/verify/witness.ts";
export type { Decimal } from "../certify/vnnlib/decimal.ts";
export { readVnnlib } from "../certify/vnnlib/read.ts";
export { type CertifyingOptions, certify, certifyingAttacks } from "../evaluate/certify.ts";
export type { Pixels as BallPixels } from "../norm.ts";
