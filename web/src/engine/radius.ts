import { largestProven } from "../../../src/certify/proving/largest.ts";
import type { Method } from "../../../src/certify/proving/method.ts";
import type { Prover } from "../../../src/certify/proving/prover.ts";
import { PerturbError } from "../../../src/errors.ts";
import type { Model } from "../../../src/model.ts";
import type { Proof } from "../engine.ts";
import { answerOf, batchOf } from "./answer.ts";

/** Significant digits of an ε. */
const DIGITS = 2;

export interface RadiusOptions {
  readonly signal: AbortSignal;
  /** Seconds after which the search ends with what is proven by then. */
  readonly seconds: number;
  /** Hears each larger ε as it is proven. */
  readonly hear: (proof: Proof) => void;
}

/**
 * The largest ε that is proven of one sample: first with the bounds that take no time, then with better ones.
 * @throws usage where the model does not predict the label; cancelled; runtime
 */
export async function provenRadius(
  model: Model,
  prover: Prover,
  { x, label }: { readonly x: Float32Array; readonly label: number },
  { signal, seconds, hear }: RadiusOptions,
): Promise<Proof> {
  const began = performance.now();
  const elapsed = (): number => (performance.now() - began) / 1000;
  const sample = batchOf(model, x);
  const { logits, prediction } = answerOf(await model.logits(sample));
  if (prediction !== label)
    throw new PerturbError("usage", "There is nothing to prove: this input is misclassified without an attack.");
  const margin = logits[label]! - Math.max(...logits.filter((_, c) => c !== label));
  let best: Proof = { epsilon: 0, method: null, seconds: 0, isWhole: false };
  /** The method, as long as there is time, with each proof told. */
  const told = (method: Method): Method => ({
    ...method,
    async decide(question) {
      if (elapsed() > seconds) throw new Late();
      const decisions = await method.decide(question, signal);
      const [epsilon] = question.epsilons;
      if (decisions[0]!.kind === "proven" && epsilon! > best.epsilon) {
        best = { epsilon: epsilon!, method: method.name, seconds: elapsed(), isWhole: false };
        hear(best);
      }
      return decisions;
    },
  });
  try {
    for (const method of prover.methods.filter(({ isSearched }) => isSearched))
      await largestProven(told(method), {
        x: sample,
        labels: Int32Array.of(label),
        margins: Float64Array.of(margin),
        from: Float64Array.of(best.epsilon),
        // Not below what attacks fooled: where both disagree, it has to show.
        to: Float64Array.of(Number.POSITIVE_INFINITY),
        widest: prover.widest,
        isWhole: prover.isWhole,
        digits: DIGITS,
        signal,
      });
  } catch (error) {
    if (!(error instanceof Late)) throw error;
    return best;
  }
  return { ...best, isWhole: true };
}

/** The time is over. */
class Late extends Error {}
