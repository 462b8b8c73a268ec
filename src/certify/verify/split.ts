import { checkSignal } from "../../errors.ts";
import { type FloatTensor, tensor } from "../../tensor.ts";
import type { BoundsOf } from "../bounds/bounds.ts";
import { middle } from "../bounds/box.ts";
import { type Domain, Halving } from "./halving.ts";
import type { Case } from "./property.ts";
import type { Runs } from "./runs.ts";
import { confirmed } from "./search.ts";
import { above, conditionsOf, furthest, type Witness } from "./witness.ts";

export interface Parts {
  readonly bounds: BoundsOf;
  readonly runs: Runs;
  readonly sample: readonly number[];
  readonly outputs: number;
}

export interface SplitOptions {
  readonly late: () => boolean;
  readonly signal: AbortSignal | undefined;
  /** How many boxes may be bounded, by default any number. */
  readonly most?: number | undefined;
}

export type Split =
  | { readonly kind: "proven"; readonly domains: number }
  | { readonly kind: "witness"; readonly witness: Witness; readonly domains: number }
  | { readonly kind: "late"; readonly domains: number }
  | { readonly kind: "open"; readonly reason: string; readonly domains: number };

/** Domains that are bounded in one run. */
const BATCH = 256;
/** Beyond so many inputs, halving one of them tells next to nothing. */
export const MOST_INPUTS = 64;

/**
 * Shows that a case has no counterexample: where bounds leave a box open, it is halved along the input that seems to cost the bound most.
 * Each half's centre is tried as a counterexample, too.
 */
export async function split(
  { bounds, runs, sample, outputs }: Parts,
  of: Case,
  { late, signal, most = Number.POSITIVE_INFINITY }: SplitOptions,
): Promise<Split> {
  const conditions = conditionsOf(of, outputs);
  const rows = conditions.rows.length;
  const size = of.lower.length;
  const stack: Domain[] = [of];
  const halving = new Halving(size);
  let domains = 0;
  while (stack.length > 0) {
    checkSignal(signal);
    if (late()) return { kind: "late", domains };
    if (domains >= most) return { kind: "open", reason: "no more boxes were to be bounded", domains };
    const taken = stack.splice(-BATCH);
    domains += taken.length;
    const box = boxesOf(taken, sample);
    const y = await runs.outputs(box.centre);
    for (let i = 0; i < taken.length; i++) {
      const { by } = furthest(conditions, y.subarray(i * outputs, (i + 1) * outputs));
      if (by > 0) continue;
      const witness = await confirmed(runs, of, box.centre.data.slice(i * size, (i + 1) * size) as Float32Array);
      if (witness) return { kind: "witness", witness, domains };
    }
    const seed = new Float32Array(taken.length * rows * outputs);
    for (let i = 0; i < taken.length; i++)
      for (const [k, row] of conditions.rows.entries()) seed.set(row, (i * rows + k) * outputs);
    const samples = Int32Array.from({ length: taken.length * rows }, (_, i) => Math.floor(i / rows));
    const { bounds: found, slopes } = await bounds.lines(box, {
      seed: tensor("float32", [samples.length, outputs], seed),
      samples,
    });
    for (const [i, domain] of taken.entries()) {
      let best = { k: -1, by: Number.NEGATIVE_INFINITY };
      for (let k = 0; k < rows; k++) {
        const by = found[i * rows + k]! - conditions.limits[k]!;
        if (by > best.by) best = { k, by };
      }
      // Of float64, a difference that is above 0 by less than this may be 0.
      if (best.by > 1e-12 * Math.max(1, Math.abs(conditions.limits[best.k]!))) continue;
      if (size > MOST_INPUTS)
        return {
          kind: "open",
          reason: `bounds leave ${(-best.by).toPrecision(3)} open, and ${size} inputs are too many to split`,
          domains,
        };
      const k = Math.max(0, best.k);
      const from = (i * rows + k) * size;
      const halves = halving.of(domain, {
        slope: slopes.data.subarray(from, from + size) as Float32Array,
        above: above(conditions, k, y.subarray(i * outputs, (i + 1) * outputs)) - best.by,
      });
      if (!halves)
        return { kind: "open", reason: "a box of neighbouring float32 numbers stays open by rounding", domains };
      stack.push(...halves);
    }
  }
  return { kind: "proven", domains };
}

/** The boxes of domains, as samples, with the middle of each. */
export function boxesOf(domains: readonly Domain[], sample: readonly number[]) {
  const size = domains[0]!.lower.length;
  const all = (of: (d: Domain, i: number) => number): FloatTensor =>
    tensor(
      "float32",
      [domains.length, ...sample],
      Float32Array.from({ length: domains.length * size }, (_, at) => of(domains[Math.floor(at / size)]!, at % size)),
    );
  return {
    centre: all((d, i) => middle(d.lower[i]!, d.upper[i]!)),
    lower: all((d, i) => d.lower[i]!),
    upper: all((d, i) => d.upper[i]!),
  };
}
