import type { Dataset } from "../../dataset.ts";
import { PerturbError } from "../../errors.ts";
import type { Model } from "../../model.ts";
import { option } from "../../option.ts";
import { clopperPearsonLower, fairCoinTest } from "../../probability/binomial.ts";
import { argmax, sampleSize } from "../../tensor.ts";
import { type Counter, counterOf } from "./counter.ts";
import { radiusOf, type SmoothingOptions, type SmoothingPlan, smoothingPlan } from "./plan.ts";

/** The class of a sample of which nothing is said. */
export const ABSTAINS = -1;

/** What is proven, with probability 1 - α, of the smoothed classifier at one sample. */
export interface SmoothedClass {
  /** That of the smoothed classifier at the sample, and at every input nearer to it in L2 than `radius`; -1 where it abstains. */
  readonly class: number;
  /** In L2, in units of the input; 0 where it abstains. */
  readonly radius: number;
  readonly abstained: boolean;
  /** p̲: the probability of the class chosen under noise is at least this. */
  readonly lower: number;
  /** How many of the n draws gave the class chosen. */
  readonly count: number;
}

/** Of a sample of a data set. */
export interface SmoothedSample extends SmoothedClass {
  /** Its index in the data set. */
  readonly index: number;
  readonly label: number;
  readonly seconds: number;
}

/** A sample, and whose noise it gets. */
export interface SmoothingInput {
  readonly x: Float32Array;
  readonly sample: number;
}

/**
 * CERTIFY of Cohen, Rosenfeld and Kolter (2019, https://arxiv.org/abs/1902.02918, §3.2.2): n₀ draws choose a class, n others bound
 * its probability from below at confidence 1 - α. It abstains where that bound is not above 1/2.
 */
export async function certifySample(
  count: Counter,
  { x, sample }: SmoothingInput,
  { sigma, selection, draws, alpha }: Omit<SmoothingPlan, "seed">,
  signal?: AbortSignal,
): Promise<SmoothedClass> {
  const votes = await count({ x, sample, stream: "selection", from: 0, to: selection }, signal);
  const chosen = argmax(votes, 0, votes.length);
  const counts = await count({ x, sample, stream: "estimation", from: 0, to: draws }, signal);
  const lower = clopperPearsonLower(counts[chosen]!, draws, alpha);
  const abstained = !(lower > 0.5);
  return {
    class: abstained ? ABSTAINS : chosen,
    radius: radiusOf(lower, sigma),
    abstained,
    lower,
    count: counts[chosen]!,
  };
}

/**
 * PREDICT of Cohen et al. (2019, §3.2.1): the class of the smoothed classifier, or -1. It is another than that class with
 * probability α at most: a binomial test compares the two classes that n draws give most often.
 */
export async function predictSample(
  count: Counter,
  { x, sample }: SmoothingInput,
  { draws, alpha }: Pick<SmoothingPlan, "draws" | "alpha">,
  signal?: AbortSignal,
): Promise<number> {
  const counts = await count({ x, sample, stream: "estimation", from: 0, to: draws }, signal);
  const first = argmax(counts, 0, counts.length);
  const second = counts.reduce((most, c, j) => (j === first ? most : Math.max(most, c)), 0);
  return fairCoinTest(counts[first]!, counts[first]! + second) <= alpha ? first : ABSTAINS;
}

export interface CertifySmoothingOptions extends SmoothingOptions {
  /** Draws that the model is asked about at a time. */
  readonly batch?: number | undefined;
  /** The first sample, by default 0. */
  readonly offset?: number | undefined;
  /** At most so many samples, by default all. */
  readonly limit?: number | undefined;
  /** Where draws are counted, by default in this thread. It has the `sigma` and `seed` of these options. */
  readonly counter?: Counter | undefined;
  /** What is known of a sample already, by its index and elements: it is given as it is. */
  readonly known?: ((index: number, x: Float32Array) => SmoothedSample | undefined) | undefined;
  /** Told of each sample that was certified, before it is given. */
  readonly onCertified?: ((sample: SmoothedSample, x: Float32Array) => Promise<void> | void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Certifies the smoothed classifier of a model, sample by sample, in the order of the data. What is said of a sample holds with
 * probability 1 - α, for noise that is exactly normal, and for the smoothed classifier: not for the model itself. No figure depends
 * on batch, place or the other samples.
 * @throws usage, mismatch, unsupported for several labels a sample; cancelled, between two batches
 */
export async function* certifySmoothing(
  model: Model,
  data: Dataset,
  options: CertifySmoothingOptions,
): AsyncGenerator<SmoothedSample> {
  const plan = smoothingPlan(options);
  if (model.labelSets)
    throw new PerturbError(
      "unsupported",
      `A smoothed classifier gives one class for each sample, and ${option("head", "multi-label")} several labels. Certify a model of classes.`,
    );
  const { offset = 0, limit = Number.POSITIVE_INFINITY, signal, known, onCertified, batch } = options;
  const count = options.counter ?? counterOf(model, { ...plan, batch });
  for await (const { x: one, labels, indices } of data.batches({ batch: 1, offset, limit, signal })) {
    const [index, label] = [indices[0]!, labels[0]!];
    const x = one.data.subarray(0, sampleSize(one));
    const before = known?.(index, x);
    if (before) {
      yield before;
      continue;
    }
    const began = performance.now();
    const found = await certifySample(count, { x, sample: index }, plan, signal);
    const sample = { index, label, ...found, seconds: (performance.now() - began) / 1000 };
    await onCertified?.(sample, x);
    yield sample;
  }
}
