import { z } from "zod";
import { messageOf, PerturbError } from "../errors.ts";
import type { HardenState } from "../harden.ts";
import { readMetadata, readSafetensors, writeSafetensors } from "../models/formats/safetensors.ts";
import { option } from "../option.ts";
import type { Tensor } from "../tensor.ts";

/** What decides the result of a hardening, and is compared before one goes on. */
export type HardenFacts = Readonly<Record<string, string | number | null>>;

/** Where a hardening goes on from. */
export interface HardenCheckpoint {
  /** The command line that it was begun with. */
  readonly words: readonly string[];
  readonly facts: HardenFacts;
  readonly state: HardenState;
}

const KEY = "perturb.hardening";
const BEST = "best.";
const count = z.number().int().nonnegative();
const score = z.strictObject({ loss: z.number(), correct: count, total: count });
const metadata = z.strictObject({
  schema: z.literal(1),
  words: z.array(z.string()),
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.null()])),
  step: count,
  score,
  best: count,
  history: z
    .array(
      z.strictObject({
        epoch: count,
        training: score.nullable(),
        validation: z.strictObject({
          total: count,
          clean: count,
          fgsm: count,
          pgd: count,
          certified: count.optional(),
          smoothed: count.optional(),
        }),
        rolledBackTo: count.optional(),
      }),
    )
    .min(1),
});

/**
 * A checkpoint as a safetensors file: each vector of the training and, under `best.`, of its best epoch; the rest as JSON in its metadata.
 */
export function writeHardening({ words, facts, state }: HardenCheckpoint): Uint8Array {
  const { vectors, best, step, score: running, history } = state;
  const tensor = (data: Float32Array): Tensor => ({ type: "float32", dims: [data.length], data });
  const entries = [
    ...Object.entries(vectors).map(([name, data]) => [name, tensor(data)] as const),
    ...Object.entries(best.vectors).map(([name, data]) => [BEST + name, tensor(data)] as const),
  ];
  const said = { schema: 1, words, facts, step, score: running, best: best.epoch, history };
  return writeSafetensors(new Map(entries), { [KEY]: JSON.stringify(said) });
}

/** @throws invalid-file when it is no checkpoint, or its parts do not fit each other */
export function readHardening(bytes: Uint8Array, file: string): HardenCheckpoint {
  const text = readMetadata(bytes, file)[KEY];
  if (text === undefined) throw unfit(file, "it is a file of weights, not of a hardening");
  const { words, facts, step, score: running, best, history } = parsed(text, file);
  const now: Record<string, Float32Array> = {};
  const kept: Record<string, Float32Array> = {};
  const sizes = new Set<number>();
  for (const [name, t] of readSafetensors(bytes, file)) {
    if (t.type !== "float32") throw unfit(file, `its tensor "${name}" is ${t.type}`);
    const data = t.data as Float32Array;
    // Those of BatchNormalization have their own size.
    if (name.replace(BEST, "") !== "statistics") sizes.add(data.length);
    if (name.startsWith(BEST)) kept[name.slice(BEST.length)] = data;
    else now[name] = data;
  }
  const names = Object.keys(now).sort();
  if (!names.includes("parameters") || sizes.size !== 1 || String(names) !== String(Object.keys(kept).sort()))
    throw unfit(file, "its vectors do not fit each other");
  const training = history.map((epoch) => {
    const { rolledBackTo, ...rest } = epoch;
    return rolledBackTo === undefined ? rest : { ...rest, rolledBackTo };
  });
  const state = { step, score: running, vectors: now, best: { epoch: best, vectors: kept }, history: training };
  return { words, facts, state };
}

function parsed(text: string, file: string): z.infer<typeof metadata> {
  try {
    return metadata.parse(JSON.parse(text));
  } catch (cause) {
    throw unfit(file, cause instanceof z.ZodError ? z.prettifyError(cause) : messageOf(cause), cause);
  }
}

const unfit = (file: string, problem: string, cause?: unknown): PerturbError =>
  new PerturbError(
    "invalid-file",
    `${file} is no checkpoint of a hardening: ${problem}. Start anew in another folder (${option("folder")}).`,
    { cause, data: { file } },
  );

/** @throws mismatch where a state does not have the vectors of this training: weights, what the optimizer keeps, averages and statistics */
export function checkVectors({ vectors, best }: HardenState, expected: HardenState["vectors"]): void {
  const said = (of: HardenState["vectors"]): string =>
    Object.keys(of)
      .sort()
      .map((name) => `${name} (${of[name]!.length})`)
      .join(", ");
  for (const found of [vectors, best.vectors])
    if (said(found) !== said(expected))
      throw new PerturbError(
        "mismatch",
        `The state to go on from (${option("resume")}) is of another hardening: it has ${said(found)}, and this one needs ${said(expected)}. Go on with the options that it was begun with, or start anew.`,
      );
}

/** @throws mismatch where a hardening would go on with something else than it began with */
export function checkFacts(began: HardenFacts, now: HardenFacts): void {
  for (const name of new Set([...Object.keys(began), ...Object.keys(now)]))
    if ((began[name] ?? null) !== (now[name] ?? null))
      throw new PerturbError(
        "mismatch",
        `The hardening began with ${name} ${began[name] ?? "none"}, and now has ${now[name] ?? "none"}: it cannot go on as if nothing had changed. Start anew in another folder (${option("folder")}).`,
        { data: { fact: name, began: began[name], now: now[name] } },
      );
}
