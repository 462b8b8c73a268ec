import { type CertifySmoothingOptions, certifySmoothing, type SmoothedSample } from "../certify/smoothing/certify.ts";
import { type SmoothingFigures, smoothingFigures } from "../certify/smoothing/figures.ts";
import { fewDraws, largestRadius, type SmoothingPlan, smoothingPlan } from "../certify/smoothing/plan.ts";
import type { BatchOptions, Dataset } from "../dataset.ts";
import { checkSamples, type Model } from "../model.ts";
import type { Note } from "../option.ts";
import { checkBatch } from "./course/check-batch.ts";
import { chosen, fitted, type Order } from "./opening.ts";
import { subjectOf } from "./results/subject.ts";

export interface SmoothingEvaluationOptions extends CertifySmoothingOptions {
  /** Which samples `limit` takes, as in `evaluate`. */
  readonly order?: Order | undefined;
  /** Radii of the table, in L2; by default 0, 0.25, 0.5 … */
  readonly radii?: readonly number[] | undefined;
}

/** Certificates of the smoothed classifier of a model on a data set. */
export interface SmoothingResult {
  readonly model: Awaited<ReturnType<typeof subjectOf>>["model"];
  readonly data: { readonly name: string; readonly total: number; readonly offset: number };
  readonly smoothing: SmoothingPlan & { readonly norm: "l2"; readonly largestRadius: number };
  readonly figures: SmoothingFigures;
  readonly samples: readonly SmoothedSample[];
  readonly warnings: readonly Note[];
}

/** A run that is about to begin. */
export interface OpenSmoothing {
  readonly plan: SmoothingPlan;
  /** Samples to certify. */
  readonly total: number;
  readonly data: Dataset;
  readonly warnings: readonly Note[];
  /** Each sample as it is certified, in order. */
  samples(): AsyncGenerator<SmoothedSample>;
  /** What the samples amount to. */
  result(samples: readonly SmoothedSample[]): Promise<SmoothingResult>;
}

/**
 * Checks that model, data and options fit, before anything is drawn.
 * @throws usage, mismatch, unsupported; while it runs, out-of-bounds for data that the model cannot mean
 */
export function openSmoothing(model: Model, given: Dataset, options: SmoothingEvaluationOptions): OpenSmoothing {
  const plan = smoothingPlan(options);
  const { data: whole, notes } = fitted(model, given);
  checkSamples(model, whole);
  const { data, limit, total } = chosen(whole, options);
  const few = fewDraws(plan);
  const warnings = [...(few ? [few] : []), ...(whole.notes ?? []), ...(model.notes ?? [])];
  const checked: Dataset = {
    ...data,
    async *batches(of: BatchOptions) {
      for await (const batch of data.batches(of)) {
        checkBatch(model, batch);
        yield batch;
      }
    },
  };
  const { offset = 0 } = options;
  return {
    plan,
    total,
    data: whole,
    warnings,
    samples: () => certifySmoothing(model, checked, { ...options, ...plan, offset, limit }),
    async result(samples) {
      return {
        model: (await subjectOf(model)).model,
        data: { name: whole.name, total: samples.length, offset },
        smoothing: { ...plan, norm: "l2", largestRadius: largestRadius(plan) },
        figures: smoothingFigures(samples, options.radii),
        samples,
        warnings: [...warnings, ...notes()],
      };
    },
  };
}
