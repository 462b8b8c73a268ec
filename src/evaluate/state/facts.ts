import { attacks as registry } from "../../attacks/index.ts";
import type { Batch, Dataset } from "../../dataset.ts";
import type { ElementBounds, Model } from "../../model.ts";
import type { FedRows } from "../../models/classifier/classifier.ts";
import { isGraphModel, isPlainGraph } from "../../models/classifier/graph-model.ts";
import { option } from "../../option.ts";
import { sha256 } from "../../sha256.ts";
import type { BatchPlan } from "../course/batch.ts";
import type { Subject } from "../results/result.ts";
import type { Places, Shard } from "../shard.ts";

/** What an evaluation works on. */
export interface Ground {
  readonly subject: Subject;
  /** With its preprocessing. */
  readonly model: Model;
  readonly surrogate?: Model | undefined;
  readonly data: Dataset;
  readonly plan: BatchPlan;
  /** Samples at a time, at most, and in all. */
  readonly batch: number;
  readonly limit: number;
  readonly total: number;
  /** Which part of it is worked on; without one, all. */
  readonly shard?: Shard | undefined;
  /** The samples of that part. */
  readonly places?: Places | undefined;
  /** Of a run that ends by itself. */
  readonly until?: number | undefined;
}

/**
 * All that a result depends on, by name, but for the samples: two runs with the same facts give the same result. Files are told by what
 * they hold, since they may be renamed and moved.
 */
export async function factsOf({
  subject,
  model,
  surrogate,
  data,
  plan,
  batch,
  limit,
  until,
}: Ground): Promise<readonly (readonly [string, string])[]> {
  return [
    ["the version of perturb", subject.version],
    ["the runtime", `${subject.runtime.name} (${subject.runtime.device})`],
    ...(await modelFacts("the model", model)),
    ...(surrogate ? await modelFacts("the surrogate", surrogate) : []),
    ["the data", `${data.drawn?.of ?? data.size} samples of [${data.shape}], ${data.classes} classes`],
    [option("attacks"), plan.series.join(",")],
    ...ownAttacks(plan),
    ...settingsOf(plan),
    [option("norm"), plan.norm],
    [option("epsilons"), plan.epsilons.join(",")],
    [option("target"), plan.target === null ? "none" : String(plan.target)],
    [option("seed"), String(plan.seed)],
    [option("offset"), String(plan.offset)],
    [option("limit"), String(limit)],
    [option("order"), data.drawn ? "seed" : "file"],
    ...(data.labels ? [["SHA-256 of the labels", await labelsDigest(data.labels)] as const] : []),
    ...(until === undefined ? [] : [[option("until"), String(until)] as const]),
    [option("batch"), String(batch)],
    [option("eot"), String(plan.eot)],
    [option("levels"), plan.levels === null ? "none" : String(plan.levels)],
    [option("maxQueries"), plan.maxQueries === null ? "none" : String(plan.maxQueries)],
    ...(plan.certify
      ? [[option("certify"), `digits ${plan.certify.digits ?? "none"}, splits ${plan.certify.splits}`] as const]
      : []),
    ...(plan.examples ? [["SHA-256 of the examples", await digestOf(plan.examples)] as const] : []),
  ];
}

async function modelFacts(which: string, model: Model): Promise<[string, string][]> {
  const { name, bounds, elements } = model;
  // A model that is no file is told by its name alone.
  const file = isGraphModel(model) ? model.file : undefined;
  return [
    ...(file ? [] : [[which, name] as [string, string]]),
    [`SHA-256 of ${which}`, file?.sha256 ?? "none"],
    [`SHA-256 of ${which} with its preprocessing`, file ? await sha256(file.onnx) : "none"],
    ...(await Promise.all((file?.rows ?? []).map(async (row) => rowsFact(which, row)))),
    ...(file && !isPlainGraph(model) ? [[`what is around ${which}`, "something"] as [string, string]] : []),
    [`the bounds of ${which}`, `${bounds.lower} to ${bounds.upper}`],
    ...(elements
      ? [[`the bounds of each element of ${which}`, await digestOfBounds(elements)] as [string, string]]
      : []),
  ];
}

const rowsFact = async (which: string, { name, values: { dims, data } }: FedRows): Promise<[string, string]> => {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return [`SHA-256 of what "${name}" of ${which} holds, [${dims.join(", ")}]`, await sha256(bytes)];
};
const digestOfBounds = async ({ lower, upper, unit }: ElementBounds): Promise<string> =>
  `${unit}, SHA-256 ${await sha256(new Uint8Array(Float32Array.from([...lower, ...upper]).buffer))}`;

/** Attacks that are not of the registry are known by their names alone, which may be those of others. */
const ownAttacks = ({ attacks }: BatchPlan): [string, string][] =>
  attacks
    .filter(({ attack }) => !Object.values<unknown>(registry).includes(attack))
    .map(({ attack }) => [`what ${attack.name} is`, "an attack of your own"]);

/** The options of attacks; those of one that comes several times, side by side. */
function settingsOf({ attacks }: BatchPlan): [string, string][] {
  const settings = new Map<string, string>();
  for (const { attack, options } of attacks)
    for (const [option, value] of Object.entries(options)) {
      const name = `${attack.name}.${option}`;
      const before = settings.get(name);
      settings.set(name, before === undefined ? String(value) : `${before}, ${String(value)}`);
    }
  return [...settings];
}

/** A data set that remembers what its first samples were. */
export interface WatchedData {
  readonly data: Dataset;
  /** Of the first batch that was read, SHA-256 in hex; null before. */
  readonly digest: () => string | null;
}

export function watched(data: Dataset): WatchedData {
  let digest: string | null = null;
  return {
    digest: () => digest,
    data: {
      ...data,
      async *batches(options) {
        for await (const batch of data.batches(options)) {
          digest ??= await digestOf(batch);
          yield batch;
        }
      },
    },
  };
}

/** The fact that tells data apart of which everything else is the same. */
export const firstSamples = (digest: string | null): readonly [string, string] => [
  "SHA-256 of the first samples",
  digest ?? "none",
];

const labelsDigest = (labels: ArrayLike<number>): Promise<string> =>
  sha256(new Uint8Array(Int32Array.from(labels).buffer));

export function digestOf({ x, labels }: Pick<Batch, "x" | "labels">): Promise<string> {
  const bytes = new Uint8Array(x.data.byteLength + labels.byteLength);
  bytes.set(new Uint8Array(x.data.buffer, x.data.byteOffset, x.data.byteLength));
  bytes.set(new Uint8Array(labels.buffer, labels.byteOffset, labels.byteLength), x.data.byteLength);
  return sha256(bytes);
}
