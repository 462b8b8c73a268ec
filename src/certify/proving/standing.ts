import { take } from "../../model.ts";
import { type FloatTensor, takeRows } from "../../tensor.ts";
import { largestProven } from "./largest.ts";
import type { Method } from "./method.ts";

/** Samples that are predicted as their labels. */
export interface Claims {
  readonly x: FloatTensor;
  readonly labels: Int32Array;
  /** z_label - max of the others at each sample. */
  readonly margins: Float64Array;
  /** Rising. */
  readonly epsilons: readonly number[];
  readonly signal?: AbortSignal | undefined;
}

/** What is proven of some samples so far. A proof at one ε is one at every smaller ε. */
export interface Standing {
  /** How many of the ε, the smallest first, are proven for each sample. */
  readonly proven: Int32Array;
  /** The largest ε that is proven, 0 where none is; it may lie between or above those asked about. */
  readonly largest: Float64Array;
  /** The method that proved it. */
  readonly by: (string | null)[];
  /** Why the least ε that is not proven is open, by the last method that tried it. */
  readonly reasons: (string | null)[];
  /** The class to which the margin was least then, where one is known. */
  readonly others: (number | null)[];
  /** What was found of another class, at the least ε where something was. */
  readonly found: (Counterexample | null)[];
  readonly methods: readonly MethodTally[];
}

/** An input of the box of a sample at an ε, given by its number, that a method found to be of another class. */
export interface Counterexample {
  readonly budget: number;
  readonly input: Float32Array;
  readonly method: string;
}

/** What a method did: samples it tried, those of which it proved more than the methods before, those it fooled, and its time. */
export interface MethodTally {
  readonly method: string;
  tried: number;
  proven: number;
  fooled: number;
  seconds: number;
}

export const nothingProven = (count: number, methods: readonly Method[]): Standing => ({
  proven: new Int32Array(count),
  largest: new Float64Array(count),
  by: new Array<string | null>(count).fill(null),
  reasons: new Array<string | null>(count).fill(null),
  others: new Array<number | null>(count).fill(null),
  found: new Array<Counterexample | null>(count).fill(null),
  methods: methods.map(({ name }) => ({ method: name, tried: 0, proven: 0, fooled: 0, seconds: 0 })),
});

/**
 * Tries methods in turn on what is still open at the ε asked about. @param below for each sample the number of the least ε that
 * needs no trial, since it was fooled there
 */
export async function proveBudgets(
  standing: Standing,
  methods: readonly Method[],
  claims: Claims,
  below: Int32Array,
): Promise<void> {
  const { x, labels, epsilons, signal } = claims;
  for (const method of methods) {
    const tally = tallyOf(standing, method);
    const began = performance.now();
    const end = below.slice();
    const before = standing.proven.slice();
    const reasons = new Map<number, string>();
    const openRows = (): number[] => [...end.keys()].filter((i) => standing.proven[i]! < end[i]!);
    tally.tried += openRows().length;
    for (let rows = openRows(); rows.length > 0; rows = openRows()) {
      // Of several ε the middle one: a proof there is one of all below.
      const tried = rows.map((i) => Math.floor((standing.proven[i]! + end[i]!) / 2));
      const question = { x: takeRows(x, rows), labels: take(labels, rows), epsilons: tried.map((k) => epsilons[k]!) };
      const answers = await method.decide(question, signal);
      for (const [n, i] of rows.entries()) {
        const [k, answer] = [tried[n]!, answers[n]!];
        if (answer.kind === "proven") prove(standing, i, k + 1, epsilons[k]!, method.name);
        else {
          end[i] = k;
          if (answer.reason !== null) reasons.set(i, answer.reason);
          if (answer.kind === "open") standing.others[i] = answer.other ?? standing.others[i]!;
          if (answer.kind === "refuted") standing.found[i] = { budget: k, input: answer.input, method: method.name };
        }
      }
    }
    // The last ε that failed is the least that is not proven.
    for (const [i, reason] of reasons) standing.reasons[i] = reason;
    for (const [i, count] of before.entries()) if (standing.proven[i]! > count) tally.proven++;
    tally.seconds += (performance.now() - began) / 1000;
  }
  // What follows the last proof was fooled, and is not open.
  for (const [i, end] of below.entries()) if (standing.proven[i]! >= end) standing.reasons[i] = null;
}

function prove(standing: Standing, i: number, count: number, epsilon: number, method: string): void {
  standing.proven[i] = count;
  standing.reasons[i] = null;
  if (epsilon <= standing.largest[i]!) return;
  standing.largest[i] = epsilon;
  standing.by[i] = method;
}

/**
 * Looks for the largest ε that is proven of each sample. @param fooledAt for each sample the least ε at which it is known to be fooled, Infinity
 * where none is
 */
export async function proveLargest(
  standing: Standing,
  methods: readonly Method[],
  claims: Claims,
  {
    widest,
    digits,
    isWhole,
    fooledAt,
  }: {
    readonly widest: number;
    readonly digits: number;
    readonly isWhole?: boolean | undefined;
    readonly fooledAt: Float64Array;
  },
): Promise<void> {
  for (const method of methods) {
    const tally = tallyOf(standing, method);
    const began = performance.now();
    const found = await largestProven(method, {
      ...claims,
      from: standing.largest,
      to: fooledAt,
      widest,
      digits,
      isWhole,
    });
    for (const [i, epsilon] of found.entries()) {
      if (epsilon <= standing.largest[i]!) continue;
      standing.largest[i] = epsilon;
      standing.by[i] = method.name;
      const count = claims.epsilons.filter((budget) => budget <= epsilon).length;
      if (count > standing.proven[i]!) prove(standing, i, count, epsilon, method.name);
    }
    tally.seconds += (performance.now() - began) / 1000;
  }
}

const tallyOf = ({ methods }: Standing, { name }: Method): MethodTally =>
  methods.find(({ method }) => method === name)!;
