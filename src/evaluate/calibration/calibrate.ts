import type { Dataset } from "../../dataset.ts";
import { PerturbError } from "../../errors.ts";
import { aFunction, checkOptions, having, type Kinds } from "../../known-options.ts";
import type { Model } from "../../model.ts";
import type { NormName } from "../../norm.ts";
import type { Note } from "../../option.ts";
import { adversarialExamples } from "../adversarial.ts";
import { HALVES, type HalvesOptions, halves } from "../halves.ts";
import type { AttackOptions } from "../opening.ts";
import { joined, type Outputs, outputsOf, outputsOn } from "../outputs.ts";
import { subjectOf } from "../results/subject.ts";
import { type CalibrationFigures, calibrationFigures } from "./figures.ts";
import { fitTemperature } from "./temperature.ts";

export type { CalibrationFigures, ReliabilityBin } from "./figures.ts";

export interface CalibrateOptions extends HalvesOptions {
  /** Samples at a time, by default 100. Results do not depend on it. */
  readonly batch?: number | undefined;
  /** Attacks to measure calibration under too, made on the samples that are measured; by default none. */
  readonly under?: Pick<AttackOptions, "attacks" | "epsilons" | "norm" | "eot" | "levels" | "maxQueries" | "memory">;
  readonly signal?: AbortSignal | undefined;
  /** Called with the samples done and those in all, of each pass. */
  readonly onProgress?: (pass: "fitting" | "measuring" | "attacking", done: number, total: number) => void;
}

const OPTIONS: Kinds<CalibrateOptions> = {
  ...HALVES,
  batch: null,
  under: having("the attacks and their options"),
  signal: having("the signal of an AbortController", "throwIfAborted"),
  onProgress: aFunction,
};

/** Figures without a temperature, and with it. */
export interface BeforeAfter {
  readonly before: CalibrationFigures;
  readonly after: CalibrationFigures;
}

export interface Calibration {
  readonly model: Awaited<ReturnType<typeof subjectOf>>["model"];
  /** `fit` samples gave the temperature; the figures are those of the `measured` others. */
  readonly data: { readonly name: string; readonly fit: number; readonly measured: number; readonly seed: number };
  /** T: the probabilities are softmax(logits / T). */
  readonly temperature: number;
  readonly clean: BeforeAfter;
  /** Of adversarial examples for the model as it is: a temperature changes no prediction. */
  readonly attacked: readonly (BeforeAfter & {
    readonly attacks: readonly string[];
    readonly norm: NormName;
    readonly epsilon: number;
  })[];
  readonly warnings: readonly Note[];
}

/**
 * Temperature scaling (Guo et al. 2017, https://arxiv.org/abs/1706.04599, §4.2): finds the temperature on a share of the samples and measures on the
 * others how well the probabilities fit, without it and with it, clean and under attack. `withTemperature` writes it into a graph.
 * @throws usage for too few samples or classes; unsupported for a model without a softmax over its classes, logits that are not finite,
 * and where no temperature is the best; mismatch, out-of-bounds for data that does not fit the model; cancelled
 */
export async function calibrate(model: Model, given: Dataset, options: CalibrateOptions = {}): Promise<Calibration> {
  checkOptions("calibrate", options, OPTIONS);
  requireSoftmax(model);
  const { batch, signal, seed = 0, under, onProgress } = options;
  const { fit, measured, notes } = halves(model, given, options);
  const pass = (name: "fitting" | "measuring", of: Dataset): Promise<Outputs> => {
    let done = 0;
    const onBatch = (n: number): void => {
      done += n;
      onProgress?.(name, done, of.size);
    };
    return outputsOn(model, of, { batch, seed, signal, onBatch });
  };
  const known = await pass("fitting", fit);
  requireClasses(known.labels, fit.name);
  const temperature = fitTemperature(known.logits, known.labels);
  const figures = ({ logits, labels }: Outputs): BeforeAfter => ({
    before: calibrationFigures(logits, labels, 1),
    after: calibrationFigures(logits, labels, temperature),
  });
  const clean = figures(await pass("measuring", measured));
  const examples = under && (await examplesOf(model, measured, { ...options, under }));
  return {
    model: (await subjectOf(model)).model,
    data: { name: given.name, fit: fit.size, measured: measured.size, seed },
    temperature,
    clean,
    attacked: (examples?.outputs ?? []).map((outputs, k) => ({
      attacks: under!.attacks.map((choice) => ("attack" in choice ? choice.attack : choice).name),
      norm: under!.norm ?? "linf",
      epsilon: under!.epsilons[k]!,
      ...figures(outputs),
    })),
    warnings: [
      ...(examples?.warnings ?? [...(given.notes ?? []), ...(model.notes ?? []), ...notes()]),
      ...worseWarnings(clean),
    ],
  };
}

/** A temperature that is nothing but the chance of its samples. */
const worseWarnings = ({ before, after }: BeforeAfter): Note[] =>
  after.nll < before.nll
    ? []
    : [
        {
          code: "calibration-worse",
          message: `The temperature does not lower the cross-entropy of the samples that are measured, ${before.nll.toPrecision(4)} before and ${after.nll.toPrecision(4)} after: as far as so many samples can tell, the model is calibrated as it is. Give more samples, or leave it.`,
        },
      ];

/** What the model gives for the adversarial examples at each ε. */
async function examplesOf(
  model: Model,
  data: Dataset,
  { under, batch, seed = 0, signal, onProgress }: CalibrateOptions & Required<Pick<CalibrateOptions, "under">>,
): Promise<{ readonly outputs: readonly Outputs[]; readonly warnings: readonly Note[] }> {
  const examples = await adversarialExamples(model, data, {
    ...under,
    seed,
    ...(batch !== undefined && { batch }),
    ...(signal && { signal }),
  });
  const parts = under.epsilons.map((): Outputs[] => []);
  let done = 0;
  for await (const results of examples) {
    for (const [k, { batch: of, adversarial }] of results.entries())
      parts[k]!.push(await outputsOf(model, of, adversarial));
    done += results[0]!.batch.labels.length;
    onProgress?.("attacking", done, examples.total);
  }
  return { outputs: parts.map(joined), warnings: [...examples.warnings, ...examples.notes()] };
}

/** @throws unsupported */
function requireSoftmax({ name, head, classes }: Model): void {
  if (classes > 1 && (head === "logits" || head === "softmax" || head === "log-softmax")) return;
  throw new PerturbError(
    "unsupported",
    `${name} has a head of the kind ${head}, and a temperature is for a softmax over the classes. ${head === "hidden" ? "Its graph gives probabilities and hides the logits: export it with the logits as output." : "Give a model with logits or a softmax."}`,
    { data: { head } },
  );
}

/** @throws usage */
function requireClasses(labels: Int32Array, name: string): void {
  if (new Set(labels).size > 1) return;
  throw new PerturbError(
    "usage",
    `All samples of ${name} that are to fit have the label ${labels[0]}. Give samples of several classes.`,
    { data: { label: labels[0] } },
  );
}
