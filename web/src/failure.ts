import { type OptionName, reworded } from "../../src/option.ts";

/** An error as it crosses the thread. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

/** What went wrong, of whatever was thrown, in words of the page. */
export const failureOf = (error: unknown): Failure => {
  const { code, message } = (error ?? {}) as Partial<Failure>;
  return { code: typeof code === "string" ? code : "internal", message: pageWords(message ?? String(error)) };
};

/** Options of the library, as the page has them; null where it has none. */
const LABELS: Readonly<Record<OptionName, string | null>> = {
  alpha: null,
  arch: null,
  attacks: "Attack",
  augment: null,
  batch: null,
  batchNorm: null,
  bounds: null,
  certify: null,
  splits: null,
  squeezers: null,
  classFile: null,
  dataEpsilon: null,
  defences: null,
  device: "Runs on",
  draws: null,
  ema: null,
  eot: null,
  epsilons: "ε",
  epsilonUnit: null,
  feeds: null,
  fit: null,
  flip: null,
  folder: null,
  freeze: null,
  head: null,
  input: null,
  labels: null,
  labelSets: null,
  levels: "Levels",
  limit: "Test images",
  maxQueries: null,
  memory: null,
  noise: null,
  norm: "Norm",
  "normalization.mean": "Mean",
  "normalization.std": "Std",
  offset: null,
  only: null,
  options: "Options",
  order: null,
  output: null,
  perturb: null,
  pool: null,
  preprocessing: null,
  "preprocessing.antialias": null,
  "preprocessing.channels": null,
  "preprocessing.crop": null,
  "preprocessing.interpolation": null,
  "preprocessing.resize": null,
  "preprocessing.scale": null,
  rate: null,
  resume: null,
  seed: "Seed",
  shard: null,
  selection: null,
  shape: null,
  sigma: null,
  straightThrough: null,
  surrogate: "Second model",
  "surrogate.normalization.mean": null,
  "surrogate.normalization.std": null,
  target: "Target",
  threshold: null,
  timeout: null,
  until: null,
  validation: null,
};

const VALUES: Readonly<Record<string, string>> = { cpu: "WebAssembly", webgpu: "WebGPU" };

// Chromium, Firefox, Safari.
const NOT_LOADED =
  /^(Failed to fetch dynamically imported module|error loading dynamically imported module|Importing a module script failed).*$/;

const ELSEWHERE = "The library and the command line have this option, and the page does not.";

/** A message of the library for somebody who has only the page. */
export function pageWords(message: string): string {
  let lacking = false;
  const said = reworded(message, (name, value) => {
    lacking ||= LABELS[name] === null;
    const label = LABELS[name] ?? `“${name}”`;
    return value === undefined ? label : (VALUES[value] ?? `${label} ${value}`);
  }).replace(NOT_LOADED, "A script of the page cannot be loaded. Reload the page.");
  return lacking ? `${said} ${ELSEWHERE}` : said;
}
