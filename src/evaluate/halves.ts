import type { Dataset } from "../dataset.ts";
import { part } from "../datasets/draw.ts";
import { PerturbError } from "../errors.ts";
import type { Kinds } from "../known-options.ts";
import { checkSamples, type Model } from "../model.ts";
import type { Note } from "../option.ts";
import { option } from "../option.ts";
import { randomFor } from "../random.ts";
import { chosen, fitted, ORDER, type Order } from "./opening.ts";

/** Which samples something is fitted to, and which others it is measured on. */
export interface HalvesOptions {
  /** The share of the samples that is fitted to, from 0 to 1 (both excluded), by default 0.5. The others are measured. */
  readonly fit?: number | undefined;
  /** Which samples belong to which share follows from it and their indices. By default 0. */
  readonly seed?: number | undefined;
  /** Which samples there are in all, as in `evaluate`. */
  readonly offset?: number | undefined;
  readonly limit?: number | undefined;
  readonly order?: Order | undefined;
}

/** Their kinds. */
export const HALVES: Kinds<HalvesOptions> = { fit: null, seed: null, offset: null, limit: null, order: ORDER };

export interface Halves {
  readonly fit: Dataset;
  readonly measured: Dataset;
  readonly notes: () => readonly Note[];
}

/** Fewer samples tell nothing of probabilities, nor of 1 % of them. */
const LEAST = 50;
/** The stream of the draw: "half". */
const STREAM = 0x68616c66;

/** @throws usage for too few samples in either share; mismatch */
export function halves(model: Model, given: Dataset, options: HalvesOptions): Halves {
  const { fit = 0.5, seed = 0, offset = 0 } = options;
  if (!(fit > 0 && fit < 1))
    throw new PerturbError("usage", `The share of samples to fit (${option("fit")}) lies between 0 and 1, got ${fit}.`);
  const { data: whole, notes } = fitted(model, given);
  checkSamples(model, whole);
  const { data, total } = chosen(whole, options);
  const indices = Int32Array.from({ length: total }, (_, i) => data.drawn?.indices[offset + i] ?? offset + i);
  const keys = new Map(Array.from(indices, (index) => [index, randomFor(seed, index, STREAM).uint32()]));
  const mixed = indices.toSorted((a, b) => keys.get(a)! - keys.get(b)! || a - b);
  const count = Math.round(total * fit);
  if (Math.min(count, total - count) < LEAST)
    throw new PerturbError(
      "usage",
      `Of ${total} samples, ${count} are to fit and ${total - count} to measure, and each needs ${LEAST}. Give more samples (${option("limit")}), or another share (${option("fit")}).`,
      { data: { total, fit: count, least: LEAST } },
    );
  const of = (some: Int32Array): Dataset => part(whole, some.toSorted(), seed);
  return { fit: of(mixed.subarray(0, count)), measured: of(mixed.subarray(count)), notes };
}
