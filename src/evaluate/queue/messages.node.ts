import { hostname } from "node:os";
import { resolve } from "node:path";
import { deserialize, serialize } from "node:v8";
import type { Batch } from "../../dataset.ts";
import { messageOf, PerturbError } from "../../errors.ts";
import type { WorkerSetup } from "../places/threads.node.ts";
import { revive } from "../places/work.ts";
import type { Tally } from "../results/tally.ts";
import { failureSchema, lineSchema } from "../state/decode.ts";
import { exampleLists, type Shelves, tallyText, trimmed } from "../state/encode.ts";
import type { Counts } from "../state/extent.ts";
import { pictureOf, pixelText } from "../state/pixels.node.ts";
import { weightFacts } from "../state/weights.node.ts";

/** A block of samples in the queue. The numbers of the samples, and the samples, are a blob; so is what to do with them. */
export interface Block {
  /** SHA-256 of the blobs. */
  readonly setup: string;
  readonly samples: string;
  /** How many examples the report has already: no more than are missing come back with their pixels. */
  readonly shelves: Shelves;
}

/** What to do with samples: a model, a plan, and the weights that lie outside of the model's file. */
interface Order {
  readonly setup: WorkerSetup;
  readonly weights: readonly (readonly [name: string, sha256: string])[];
}

export async function setupBytes(given: WorkerSetup): Promise<Uint8Array> {
  // A worker looks for outside weights at the same place.
  const placed = <F extends { readonly folder?: string }>(file: F): F =>
    file.folder === undefined ? file : { ...file, folder: resolve(file.folder) };
  const setup = { ...given, file: placed(given.file), surrogate: given.surrogate && placed(given.surrogate) };
  return serialize({ setup, weights: await weightsOf(setup) } satisfies Order);
}

const weightsOf = async ({ file, surrogate }: WorkerSetup) => [
  ...(await weightFacts("the model", file)),
  ...(surrogate ? await weightFacts("the surrogate", surrogate) : []),
];

/** @throws mismatch where outside weights are other ones here; not-found where there are none; invalid-file */
export async function setupIn(bytes: Uint8Array): Promise<WorkerSetup> {
  const { setup, weights } = read(bytes) as Order;
  const here = new Map(
    await weightsOf(setup).catch((cause: unknown) => {
      throw new PerturbError(
        "not-found",
        `The weights of ${setup.file.name} cannot be read on ${hostname()}: ${messageOf(cause)}. Put them there, or into the model's file.`,
        { cause },
      );
    }),
  );
  for (const [name, hash] of weights)
    if (here.get(name) !== hash)
      throw new PerturbError(
        "mismatch",
        `${hostname()} has another model: ${name} is ${here.get(name) ?? "none"} there, not ${hash}. Copy the run's files there.`,
        { data: { host: hostname(), is: here.get(name), wanted: hash } },
      );
  return setup;
}

export const batchBytes = ({ indices, x, labels }: Batch): Uint8Array => serialize({ indices, x, labels });

/** @throws invalid-file */
export const batchIn = (bytes: Uint8Array): Batch => read(bytes) as Batch;

function read(bytes: Uint8Array): unknown {
  try {
    return deserialize(bytes);
  } catch (cause) {
    throw new PerturbError(
      "invalid-file",
      `What the coordinator sent cannot be read by Node ${process.versions.node} on ${hostname()}: ${messageOf(cause)}. Use one version of Node for all.`,
      { cause },
    );
  }
}

/** A tally as text: the lines that a state would have. */
export function answerText(given: Tally, shelves: Shelves): string {
  const tally = trimmed(given, shelves);
  const pictures = exampleLists(tally).flat();
  return [...pictures.map((picture) => JSON.stringify(pixelText(picture))), tallyText({ tally, seconds: 0 })].join(
    "\n",
  );
}

/** Reads the tallies in answers about batches. Reading @throws runtime for what is none of that batch */
export function tallyReader(counts: Counts): (text: string, batch: Batch) => Tally {
  const schemas = new Map<number, ReturnType<typeof lineSchema>>();
  return (text, { x: { dims } }) => {
    const samples = dims[0]!;
    const schema = schemas.get(samples) ?? lineSchema(counts, samples);
    schemas.set(samples, schema);
    const lines = text.split("\n").map(parsed);
    const pictures = lines.slice(0, -1).map((line) => {
      const { data } = schema.safeParse(line);
      return data && "original" in data ? pictureOf(data, dims.slice(1)) : null;
    });
    const last = schema.safeParse(lines.at(-1));
    if (!last.success || !("tally" in last.data) || pictures.includes(null)) throw unfit(last.error);
    // With the pixels below, it is one.
    const tally = last.data.tally as Tally;
    const examples = exampleLists(tally).flat();
    if (examples.length !== pictures.length) throw unfit();
    for (const [i, example] of examples.entries()) Object.assign(example, pictures[i]);
    return tally;
  };
}

/** What went wrong in a worker, as the text of its error. */
export function failureText(cause: unknown): string {
  const { code, message, data, stack } =
    cause instanceof PerturbError ? cause : new PerturbError("internal", String(cause), { cause });
  return JSON.stringify({ error: { code, message: `On ${hostname()}: ${message}`, data, stack } });
}

/** What a worker threw; undefined for another text. */
export function failureIn(text: string): PerturbError | undefined {
  try {
    const { data } = failureSchema.safeParse(JSON.parse(text));
    return data && revive({ stack: undefined, ...data.error });
  } catch {
    return undefined;
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw unfit(cause);
  }
}

const unfit = (cause?: unknown): PerturbError =>
  new PerturbError(
    "runtime",
    "A worker answered with what is no result of these samples. Check who writes to the queue.",
    { cause },
  );
