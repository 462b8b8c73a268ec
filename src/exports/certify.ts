/**
 * Proofs: certified accuracy, properties of networks, and bounds alone.
 * @module
 */
export type { Rows as BoundRows } from "../certify/batches.ts";
export { type Box, ball } from "../certify/box.ts";
export type { Method as BoundMethod } from "../certify/ends.ts";
export { type BoundOptions, bounds } from "../certify/lower-bounds.ts";
export type { Case, Inequality, Property } from "../certify/property.ts";
export { type Answer, type VerifyOptions, verify } from "../certify/verify.ts";
export type { Decimal } from "../certify/vnnlib/decimal.ts";
export { readVnnlib } from "../certify/vnnlib/read.ts";
export type { Witness } from "../certify/witness.ts";
export { type CertifyingOptions, certify, certifyingAttacks } from "../evaluate/certify.ts";
