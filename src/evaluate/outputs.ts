import type { Batch, Dataset } from "../dataset.ts";
import { checkSignal, PerturbError } from "../errors.ts";
import type { Model } from "../model.ts";
import { isGraphModel, modelFor } from "../models/classifier/graph-model.ts";
import { type FloatTensor, tensor } from "../tensor.ts";
import { checkBatch } from "./course/check-batch.ts";

/** Logits [n, classes] of samples, with their labels and indices, one each. */
export interface Outputs {
  readonly logits: FloatTensor;
  readonly labels: Int32Array;
  readonly indices: Int32Array;
}

export interface OutputsOptions {
  /** Samples at a time, by default 100. */
  readonly batch?: number | undefined;
  /** Of a model that draws at random, by default 0. */
  readonly seed?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with the samples that are done. */
  readonly onBatch?: ((samples: number) => void) | undefined;
}

const BATCH = 100;

/** What a model gives for all samples of a set. @throws out-of-bounds, mismatch; unsupported for logits that are not finite; cancelled */
export async function outputsOn(model: Model, data: Dataset, options: OutputsOptions): Promise<Outputs> {
  const { batch = BATCH, seed = 0, signal, onBatch } = options;
  const parts: Outputs[] = [];
  for await (const samples of data.batches({ batch, signal })) {
    checkSignal(signal);
    checkBatch(model, samples);
    if (isGraphModel(model)) await model.draw?.(seed, samples.indices);
    parts.push(await outputsOf(model, samples, samples.x));
    onBatch?.(samples.labels.length);
  }
  return joined(parts);
}

/** Of one batch, or of what an attack made of it. @throws unsupported for logits that are not finite */
export async function outputsOf(model: Model, { labels, indices }: Batch, x: FloatTensor): Promise<Outputs> {
  const logits = await (await modelFor(model, x)).logits(x, indices);
  const bad = logits.data.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0)
    throw new PerturbError(
      "unsupported",
      `${model.name} gives ${logits.data[bad]} for sample ${indices[Math.floor(bad / logits.dims[1]!)]}, and only finite logits have probabilities. Look for overflow in the model, such as in float16.`,
      { data: { sample: indices[Math.floor(bad / logits.dims[1]!)] } },
    );
  return { logits, labels, indices };
}

export function joined(parts: readonly Outputs[]): Outputs {
  const labels = Int32Array.from(parts.flatMap((part) => [...part.labels]));
  const classes = parts[0]!.logits.dims[1]!;
  const data = new Float32Array(labels.length * classes);
  let at = 0;
  for (const { logits } of parts) {
    data.set(logits.data, at);
    at += logits.data.length;
  }
  const indices = Int32Array.from(parts.flatMap((part) => [...part.indices]));
  return { logits: tensor("float32", [labels.length, classes], data), labels, indices };
}
