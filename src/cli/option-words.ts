import type { EvaluationResult, Warning } from "../evaluate.ts";
import { type OptionName, reworded } from "../option.ts";

const FLAGS: Readonly<Record<OptionName, string>> = {
  alpha: "--alpha",
  arch: "--arch",
  attacks: "--attack",
  augment: "--augment",
  batch: "--batch",
  batchNorm: "--bn",
  bounds: "--bounds",
  certify: "--certify",
  splits: "--splits",
  squeezers: "--squeezers",
  classFile: "--classes FILE",
  dataEpsilon: "--data-eps",
  defences: "--with",
  device: "--device",
  draws: "--n",
  ema: "--ema",
  eot: "--eot",
  epsilons: "--eps",
  epsilonUnit: "--eps-unit",
  feeds: "--feed NAME=FILE",
  fit: "--fit",
  flip: "--flip",
  folder: "--out",
  freeze: "--freeze",
  head: "--head",
  input: "--input-name",
  labels: "--labels FILE",
  labelSets: "--labels FILE",
  levels: "--levels",
  limit: "--limit",
  maxQueries: "--max-queries",
  memory: "--memory",
  noise: "--noise",
  norm: "--norm",
  "normalization.mean": "--mean",
  "normalization.std": "--std",
  offset: "--offset",
  only: "--only",
  options: "--set",
  order: "--order",
  output: "--output-name",
  perturb: "--perturb",
  pool: "--pool",
  preprocessing: "--preprocess",
  "preprocessing.antialias": "--antialias",
  "preprocessing.channels": "--channels",
  "preprocessing.crop": "--crop",
  "preprocessing.interpolation": "--interpolation",
  "preprocessing.resize": "--resize",
  "preprocessing.scale": "--scale",
  rate: "--lr",
  resume: "--resume",
  seed: "--seed",
  shard: "--shard",
  selection: "--n0",
  shape: "--shape",
  sigma: "--smoothing",
  straightThrough: "--straight-through",
  surrogate: "--surrogate",
  "surrogate.normalization.mean": "--surrogate-mean",
  "surrogate.normalization.std": "--surrogate-std",
  target: "--target",
  threshold: "--threshold",
  timeout: "--timeout",
  until: "--until",
  validation: "--validation",
};

/** A message of the library, as the command line says it. */
export const commandWords = (message: string): string =>
  reworded(message, (name, value) => {
    const flag = FLAGS[name];
    return value === undefined ? flag : `${flag.split(" ")[0]} ${value}`;
  });

/** A result whose warnings speak as the command line does, for all that it writes. */
export const inCommandWords = (result: EvaluationResult): EvaluationResult => ({
  ...result,
  evaluation: {
    ...result.evaluation,
    warnings: warningWords(result.evaluation.warnings),
  },
});

/** Warnings, as the command line says them. */
export const warningWords = (warnings: readonly Warning[]): Warning[] =>
  warnings.map(({ code, message }) => ({ code, message: commandWords(message) }));
