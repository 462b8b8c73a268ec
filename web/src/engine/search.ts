import type { AttackOutcome, Searched, SearchRequest } from "../engine.ts";
import { fooledAt } from "../withstanding.ts";

/** Milliseconds after which no other ε is tried: some attacks take seconds at each. */
const PATIENCE = 20_000;

interface SearchOptions extends Omit<SearchRequest, "attack"> {
  readonly norm: SearchRequest["attack"]["norm"];
  readonly hear: (found: Searched) => void;
}

/**
 * The smallest ε at which an attack fools a sample, to within a step, by bisection; none where it does not at `to`. An attack that fails above
 * an ε at which it fools leaves a larger one.
 */
export async function leastFooling(
  attackAt: (epsilon: number) => Promise<AttackOutcome>,
  { span, to, step, norm, hear }: SearchOptions,
): Promise<Searched> {
  const began = performance.now();
  let { held, fooled } = span;
  while (performance.now() - began < PATIENCE) {
    const epsilon = fooled < Number.POSITIVE_INFINITY ? held + step * halfOf((fooled - held) / step) : to;
    if (epsilon <= held || epsilon >= fooled) break;
    const outcome = await attackAt(epsilon);
    if (!outcome.attacked) break;
    if (outcome.success) fooled = fooledAt(outcome, norm, epsilon);
    else held = epsilon;
    // The example may be nearer than an ε that was tried in vain.
    if (fooled <= held) held = 0;
    hear({ held, fooled });
  }
  return { held, fooled };
}

/** Whole steps to the middle; noise of the division is no step. */
const halfOf = (steps: number): number => Math.ceil(steps / 2 - 1e-6);
