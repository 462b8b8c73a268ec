/** What whoever reads a result should know of how it came about: a code, and a sentence with what was assumed and what to do. */
export interface Note {
  readonly code: string;
  readonly message: string;
}

/** The options that messages name, in the words of the library. Another door says them in its own: see `reworded`. */
const OPTIONS = [
  "alpha",
  "arch",
  "attacks",
  "augment",
  "batch",
  "batchNorm",
  "bounds",
  "certify",
  "splits",
  "squeezers",
  "classFile",
  "dataEpsilon",
  "defences",
  "device",
  "draws",
  "ema",
  "eot",
  "epsilons",
  "epsilonUnit",
  "feeds",
  "fit",
  "flip",
  "folder",
  "freeze",
  "head",
  "input",
  "labels",
  "labelSets",
  "levels",
  "limit",
  "maxQueries",
  "memory",
  "noise",
  "norm",
  "normalization.mean",
  "normalization.std",
  "offset",
  "only",
  "options",
  "order",
  "output",
  "perturb",
  "pool",
  "preprocessing",
  "preprocessing.antialias",
  "preprocessing.channels",
  "preprocessing.crop",
  "preprocessing.interpolation",
  "preprocessing.resize",
  "preprocessing.scale",
  "rate",
  "resume",
  "seed",
  "selection",
  "shard",
  "shape",
  "sigma",
  "straightThrough",
  "surrogate",
  "surrogate.normalization.mean",
  "surrogate.normalization.std",
  "target",
  "threshold",
  "timeout",
  "until",
  "validation",
] as const;

export type OptionName = (typeof OPTIONS)[number];
type Value = string | number | readonly (number | string)[];

/** An option in a message, as the library has it: `seed`, or `seed: 1`, between backticks. */
export function option(name: OptionName, value?: Value): string {
  if (value === undefined) return `\`${name}\``;
  const text = Array.isArray(value)
    ? `[${value.map((v) => JSON.stringify(v)).join(", ")}]`
    : JSON.stringify(value).replaceAll("`", "\\u0060");
  return `\`${name}: ${text}\``;
}

/** A message of the library in the words of another door, which `say` knows: of an option, and of one with a value. */
export const reworded = (message: string, say: (name: OptionName, value?: string) => string): string =>
  message.replace(/`([a-zA-Z.]+)(?:: ([^`]*))?`/g, (whole, name: string, value: string | undefined) => {
    if (!isOption(name)) return whole;
    return value === undefined ? say(name) : say(name, plain(value));
  });

const isOption = (name: string): name is OptionName => OPTIONS.some((known) => known === name);

/** A value as it is typed on a command line and in a field: without quotes and brackets. */
function plain(json: string): string {
  try {
    const value: unknown = JSON.parse(json);
    return Array.isArray(value) ? value.join(",") : String(value);
  } catch {
    return json;
  }
}
