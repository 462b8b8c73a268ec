import type { Dataset } from "../dataset.ts";
import { PerturbError } from "../errors.ts";
import type { EvaluationResult, Warning } from "../evaluate.ts";
import { checkKind } from "../known-options.ts";
import type { Model } from "../model.ts";
import {
  type EvaluateOptions,
  type OnProgress,
  type OpenEvaluation,
  openEvaluation,
  withProgress,
} from "./evaluation.ts";
import { type Comparison, compareRuns, type RecordedRun } from "./results/compare.ts";

export interface CompareOptions extends Omit<EvaluateOptions, "state" | "shard" | "until" | "onRecords"> {
  /** What to call the two; by default their own names. */
  readonly names?: readonly [a: string, b: string];
  /** Told after every batch of each model in turn. */
  readonly onProgress?: (name: string, ...progress: Parameters<OnProgress>) => void;
}

/** A comparison, and what was measured of each model by itself. */
export interface Compared {
  readonly comparison: Comparison;
  readonly results: readonly [EvaluationResult, EvaluationResult];
}

/**
 * Measures two models on the same samples by the same attacks, and compares them sample by sample: see `compareRuns`.
 * @param data one set for both, or the same samples once for each, where the models have them prepared differently
 * @throws as `openEvaluation` for either, before long work begins; mismatch for other samples; cancelled
 */
export const compare = async (
  a: Model,
  b: Model,
  data: Dataset | readonly [ofA: Dataset, ofB: Dataset],
  given: CompareOptions,
): Promise<Comparison> => (await compareModels(a, b, data, given)).comparison;

/** `compare`, with the results that it compared. */
export async function compareModels(
  a: Model,
  b: Model,
  data: Dataset | readonly [ofA: Dataset, ofB: Dataset],
  given: CompareOptions,
): Promise<Compared> {
  const { onProgress, names = [a.name, b.name], ...options } = withProgress(given);
  checkKind("The option names", names, ["two names", isPair]);
  for (const name of ["state", "shard", "until", "onRecords"])
    if (name in options) throw new PerturbError("usage", `compare has no option "${name}": it evaluates two models.`);
  const opened: OpenEvaluation[] = [];
  try {
    const [dataOfA, dataOfB] = isTwo(data) ? data : [data, data];
    opened.push(await openEvaluation(a, dataOfA, options), await openEvaluation(b, dataOfB, options));
    const measured = async (i: 0 | 1): Promise<EvaluationResult> => {
      const result = await opened[i]!.finish((progress) => onProgress?.(names[i], progress));
      await opened[i]!.close();
      return result;
    };
    const results = [await measured(0), await measured(1)] as const;
    const run = (i: 0 | 1): RecordedRun => ({
      name: names[i],
      evaluation: results[i].evaluation,
      samples: results[i].records!,
    });
    const [ofA, ofB] = [run(0), run(1)];
    const comparison = await compareRuns(ofA, ofB);
    const warnings = [...warningsOf(ofA), ...warningsOf(ofB), ...comparison.warnings];
    return { comparison: { ...comparison, warnings }, results };
  } finally {
    await Promise.all(opened.map((one) => one.close()));
  }
}

const isPair = (value: unknown): boolean =>
  Array.isArray(value) && value.length === 2 && value.every((name) => typeof name === "string");

const isTwo = (data: Dataset | readonly [Dataset, Dataset]): data is readonly [Dataset, Dataset] => Array.isArray(data);

/** What was said of each by itself. */
const warningsOf = ({ name, evaluation }: RecordedRun): Warning[] =>
  evaluation.warnings.map(({ code, message }) => ({ code, message: `${name}: ${message}` }));
