import { apgdCe } from "../../attacks/gradient/apgd.ts";
import type { Dataset } from "../../dataset.ts";
import { PerturbError } from "../../errors.ts";
import { aFunction, aList, checkKind, checkOptions, having, type Kinds } from "../../known-options.ts";
import type { Model } from "../../model.ts";
import { openClassifier } from "../../models/classifier/graph-model.ts";
import type { Detector } from "../../models/detector.ts";
import { detectorGraph, scoreFile } from "../../models/detectors/graphs.ts";
import type { NormName } from "../../norm.ts";
import type { Graph } from "../../onnx/graph.ts";
import { type Note, option } from "../../option.ts";
import { HALVES, type HalvesOptions, halves } from "../halves.ts";
import type { AttackOptions } from "../opening.ts";
import { outputsOn } from "../outputs.ts";
import { subjectOf } from "../results/subject.ts";
import { evadingExamples } from "./evading.ts";
import { cleanScores, fooling, scoredExamples } from "./examples.ts";
import { type DetectionFigures, detectionFigures, thresholdOf } from "./figures.ts";
import { requireWatchable } from "./watchable.ts";

export type { DetectionFigures } from "./figures.ts";

export interface DetectOptions
  extends HalvesOptions,
    Pick<AttackOptions, "epsilons" | "norm" | "eot" | "levels" | "maxQueries" | "memory"> {
  readonly detector: Detector;
  /** By default APGD on the cross-entropy: without the detector and with it, the same. */
  readonly attacks?: AttackOptions["attacks"] | undefined;
  /** Samples at a time, by default 100. Results do not depend on it. */
  readonly batch?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with the samples done and those in all, of each pass. */
  readonly onProgress?: ((pass: DetectionPass, done: number, total: number) => void) | undefined;
}

export type DetectionPass = "fitting" | "measuring" | "attacking" | "adapting";

/** Of the same samples at one ε. */
export interface DetectionPoint {
  readonly epsilon: number;
  /** Attacks that do not know of the detector. */
  readonly unaware: DetectionFigures;
  /** With the detector in their loss: of each sample the fooling example with the lowest score, theirs or that of the unaware ones. */
  readonly adaptive: DetectionFigures;
}

export interface Detection {
  readonly model: Awaited<ReturnType<typeof subjectOf>>["model"];
  /** `fit` clean samples the detector learned from; figures are those of the `measured` others. */
  readonly data: { readonly name: string; readonly fit: number; readonly measured: number; readonly seed: number };
  readonly detector: { readonly name: string; readonly settings: readonly string[]; readonly paper: string };
  readonly attacks: readonly string[];
  readonly norm: NormName;
  /** A sample is taken for adversarial above this score: at most 1 % of the clean samples that are measured are. */
  readonly threshold: number;
  /** Of the measured samples, those that are correct, which are attacked, and the share that is taken for adversarial though clean. */
  readonly clean: { readonly correct: number; readonly falsePositives: number };
  readonly points: readonly DetectionPoint[];
  readonly warnings: readonly Note[];
  /** The classifier with its detector: input `x` in the units of the data, outputs `logits` and `score`. */
  readonly graph: Graph;
}

const BATCH = 100;

const DETECTOR = having("a detector, such as squeeze()", "fit");

const OPTIONS: Kinds<DetectOptions> = {
  ...HALVES,
  detector: DETECTOR,
  attacks: aList,
  epsilons: aList,
  norm: null,
  eot: null,
  levels: null,
  maxQueries: null,
  memory: null,
  batch: null,
  signal: having("the signal of an AbortController", "throwIfAborted"),
  onProgress: aFunction,
};

/**
 * How well a detector tells adversarial samples from clean ones, when attacks do not know of it, and when they do (Carlini and Wagner 2017,
 * https://arxiv.org/abs/1705.07263). It learns from one share of the samples, and is measured on the others.
 * @throws usage for too few samples; unsupported for a model without a graph or a softmax over its classes, or that draws at random, and
 * logits that are not finite; mismatch, out-of-bounds for data that does not fit the model; cancelled
 */
export async function detect(model: Model, given: Dataset, options: DetectOptions): Promise<Detection> {
  checkOptions("detect", options, OPTIONS);
  checkKind("The detector of detect", options.detector, DETECTOR);
  checkKind("The epsilons of detect", options.epsilons, aList);
  requireWatchable(model);
  const {
    detector,
    batch = BATCH,
    signal,
    seed = 0,
    onProgress,
    norm = "linf",
    epsilons,
    attacks = [apgdCe],
  } = options;
  requireFewClasses(attacks);
  const { fit, measured } = halves(model, given, options);
  const counting = (pass: DetectionPass, total: number) => {
    let done = 0;
    return (samples: number): void => {
      done += samples;
      onProgress?.(pass, done, total);
    };
  };
  const learned = await outputsOn(model, fit, { batch, signal, onBatch: counting("fitting", fit.size) });
  const { settings, score } = detector.fit(model.file, learned);
  const scoring = openClassifier(scoreFile(model.file, score), model.runtime);
  try {
    const watched = { model, scoring, score, signal };
    const { size } = measured;
    const clean = await cleanScores(watched, measured, batch, counting("measuring", size));
    const threshold = thresholdOf(clean.scores);
    const task = { data: measured, clean, plan: planOf(options, attacks) };
    const unaware = await scoredExamples(watched, model, task, counting("attacking", size));
    const aware = await evadingExamples(
      watched,
      task,
      { threshold, unaware: unaware.points, size: given.size },
      (aims) => counting("adapting", aims * size),
    );
    const points = epsilons.map((epsilon, k) => ({
      epsilon,
      unaware: detectionFigures(clean.scores, fooling(unaware.points[k]!), threshold),
      adaptive: detectionFigures(clean.scores, fooling(aware[k]!), threshold),
    }));
    return {
      model: (await subjectOf(model)).model,
      data: { name: given.name, fit: fit.size, measured: size, seed },
      detector: { name: detector.name, settings, paper: detector.paper },
      attacks: attacks.map((choice) => attackOf(choice).name),
      norm,
      threshold,
      clean: {
        correct: clean.correct.filter((one) => one === 1).length,
        falsePositives: clean.scores.filter((value) => value > threshold).length / size,
      },
      points,
      warnings: [...unaware.warnings, ...standing(points)],
      graph: detectorGraph(model.file, score),
    };
  } finally {
    await scoring.release();
  }
}

const attackOf = (choice: AttackOptions["attacks"][number]) => ("attack" in choice ? choice.attack : choice);

/** @throws usage for attacks that a classifier of two classes is too small for */
function requireFewClasses(attacks: AttackOptions["attacks"]): void {
  const one = attacks.find((choice) => (attackOf(choice).leastClasses ?? 1) > 2 || lossOf(choice) === "dlr");
  if (one)
    throw new PerturbError(
      "usage",
      `${attackOf(one).name} compares three classes or more${lossOf(one) === "dlr" ? " (its loss is dlr)" : ""}, and an attack that knows the detector has two: whether it got past, or not. Choose another (${option("attacks", "apgd-ce")}).`,
    );
}

const lossOf = (choice: AttackOptions["attacks"][number]): unknown =>
  "attack" in choice && "loss" in choice.options ? choice.options.loss : undefined;

/** The options of attacks alone. */
function planOf(options: DetectOptions, attacks: AttackOptions["attacks"]): AttackOptions {
  const { epsilons, norm, eot, levels, maxQueries, memory, batch, seed, signal } = options;
  const given = { norm, eot, levels, maxQueries, memory, batch, seed, signal };
  return {
    attacks,
    epsilons,
    ...(Object.fromEntries(Object.entries(given).filter(([, v]) => v !== undefined)) as object),
  };
}

/** Where most adaptive examples are still detected. */
function standing(points: readonly DetectionPoint[]): Note[] {
  const last = points.at(-1)!;
  const { tpr, fooled } = last.adaptive;
  if (tpr === null || tpr < 0.5) return [];
  return [
    {
      code: "detector-stands",
      message: `At ε = ${last.epsilon}, the detector still detects ${(100 * tpr).toFixed(1)} % of the ${fooled} samples that are fooled by attacks that know it. That may be so because they are too weak: try more steps and restarts, and another attack (${option("attacks")}), before you trust it.`,
    },
  ];
}
