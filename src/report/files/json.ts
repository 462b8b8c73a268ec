import { messageOf, PerturbError } from "../../errors.ts";
import type { Evaluation } from "../../evaluate.ts";

/** Version of the layout of report.json. */
const LAYOUT: Evaluation["schema"] = 2;

/** Every key of a value and of what it holds. */
type KeysOf<T> = T extends readonly (infer Element)[]
  ? KeysOf<Element>
  : T extends object
    ? { [K in keyof T]-?: K | KeysOf<T[K]> }[keyof T]
    : never;

/** The keys in the order of the file. The compiler holds the list complete. */
const ORDER = Object.keys({
  schema: 0,
  tool: 0,
  date: 0,
  model: 0,
  data: 0,
  options: 0,
  runtime: 0,
  clean: 0,
  code: 0,
  message: 0,
  samples: 0,
  labels: 0,
  worst: 0,
  defence: 0,
  until: 0,
  gates: 0,
  points: 0,
  attacks: 0,
  linearity: 0,
  warnings: 0,
  cost: 0,
  name: 0,
  version: 0,
  sha256: 0,
  inputShape: 0,
  classes: 0,
  head: 0,
  parameters: 0,
  bounds: 0,
  elements: 0,
  lower: 0,
  upper: 0,
  preprocessing: 0,
  pictures: 0,
  perturbed: 0,
  resize: 0,
  interpolation: 0,
  antialias: 0,
  crop: 0,
  cropRounding: 0,
  channels: 0,
  scale: 0,
  mean: 0,
  std: 0,
  device: 0,
  offset: 0,
  attack: 0,
  of: 0,
  norm: 0,
  dimensions: 0,
  epsilons: 0,
  epsilonUnit: 0,
  epsilon: 0,
  target: 0,
  batch: 0,
  seed: 0,
  settings: 0,
  eot: 0,
  levels: 0,
  maxQueries: 0,
  surrogate: 0,
  correct: 0,
  total: 0,
  asked: 0,
  reached: 0,
  available: 0,
  atLeast: 0,
  accuracy: 0,
  ci95: 0,
  attacked: 0,
  fooled: 0,
  fooledConfidence: 0,
  largestDistance: 0,
  errors: 0,
  met: 0,
  certified: 0,
  methods: 0,
  method: 0,
  tried: 0,
  proven: 0,
  digits: 0,
  averageRadius: 0,
  losses: 0,
  margin: 0,
  linear: 0,
  rounding: 0,
  bound: 0,
  layers: 0,
  op: 0,
  node: 0,
  loss: 0,
  distances: 0,
  quantile: 0,
  distance: 0,
  confusion: 0,
  examples: 0,
  index: 0,
  label: 0,
  prediction: 0,
  confidence: 0,
  source: 0,
  predicted: 0,
  predictedClipped: 0,
  measured: 0,
  random: 0,
  seconds: 0,
  forwards: 0,
  gradients: 0,
  samplesPerSecond: 0,
  names: 0,
  undefended: 0,
  unadapted: 0,
  classNames: 0,
  drawn: 0,
  shuffled: 0,
} satisfies Record<KeysOf<Evaluation>, 0>);

/**
 * report.json: two spaces, keys in a fixed order, rows of numbers on one line, a newline at the end.
 * @throws internal when a number is NaN or infinite, which JSON cannot hold.
 */
export function toJson(evaluation: Evaluation): string {
  return `${print(evaluation, "", "evaluation")}\n`;
}

function print(value: unknown, indent: string, path: string): string {
  if (typeof value === "number" && !Number.isFinite(value))
    throw new PerturbError("internal", `${path} is ${value}, which JSON cannot hold. Please report this.`, {
      data: { path, value },
    });
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    const items = value.map((item, i) => print(item, inner, `${path}[${i}]`));
    return value.some((item) => typeof item === "object") ? block("[", items, "]", indent) : `[${items.join(", ")}]`;
  }
  const fields = value as Readonly<Record<string, unknown>>;
  const lines = ORDER.filter((key) => fields[key] !== undefined).map(
    (key) => `${JSON.stringify(key)}: ${print(fields[key], inner, `${path}.${key}`)}`,
  );
  return block("{", lines, "}", indent);
}

const block = (open: string, items: readonly string[], close: string, indent: string): string =>
  `${open}\n${items.map((item) => `${indent}  ${item}`).join(",\n")}\n${indent}${close}`;

/**
 * Reads a report.json back. `name` says in errors which file it was.
 * @throws invalid-file, unsupported (the layout of another version)
 */
export async function readReport(text: string, name: string): Promise<Evaluation> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new PerturbError("invalid-file", `${name} is not JSON: ${messageOf(cause)}. ${EXPECTED}`, {
      data: { name },
      cause,
    });
  }
  const layout = typeof value === "object" && value !== null && "schema" in value ? value.schema : undefined;
  if (typeof layout === "number" && layout !== LAYOUT)
    throw new PerturbError(
      "unsupported",
      layout < LAYOUT
        ? `${name} was written by an earlier version of perturb, in layout ${layout}. This version reads layout ${LAYOUT} only: evaluate it again.`
        : `${name} was written by a later version of perturb, in layout ${layout}. This version reads layout ${LAYOUT} only: read it with the version that wrote it.`,
      { data: { name, layout } },
    );
  // zod is a tenth of the time that the command line takes to start, and only readers need it.
  const { evaluationSchema } = await import("./schema.ts");
  const result = evaluationSchema.safeParse(value);
  if (result.success) return result.data;
  const { issues } = result.error;
  const shown = issues
    .slice(0, 5)
    .map(({ path, message }) => `${path.map(String).join(".") || "the whole"}: ${message}`);
  const more = issues.length > shown.length ? `; and ${issues.length - shown.length} more` : "";
  throw new PerturbError(
    "invalid-file",
    `${name} is not a report of perturb. ${shown.join("; ")}${more}. ${EXPECTED}`,
    {
      data: { name, issues },
    },
  );
}

const EXPECTED = "Give a report.json that `perturb evaluate` wrote.";
