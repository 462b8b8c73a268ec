import { type Random, randomFor } from "../../random.ts";
import { type FloatTensor, tensor } from "../../tensor.ts";
import { stepped } from "../bounds/box.ts";
import type { Case } from "./property.ts";
import type { Runs } from "./runs.ts";
import { type Conditions, furthest, isWitness, type Witness } from "./witness.ts";

export interface SearchOptions {
  readonly starts: number;
  readonly steps: number;
  readonly seed: number;
}

/**
 * Looks for a counterexample of a case: from random points of the box, and its centre, steps by the sign of the gradient of the
 * condition that is furthest from holding (Madry et al. 2018, §2.1), which become smaller. Of a network without gradients, only at these points.
 */
export async function search(
  runs: Runs,
  of: Case,
  conditions: Conditions,
  sample: readonly number[],
  { starts, steps, seed }: SearchOptions,
): Promise<Witness | undefined> {
  const size = of.lower.length;
  const count = conditions.rows[0]?.length ?? 0;
  const x = startsIn(of, starts, randomFor(seed, 0));
  const at = (): FloatTensor => tensor("float32", [starts, ...sample], x);
  for (let step = 0; step <= steps; step++) {
    const y = await runs.outputs(at());
    const directions = new Float32Array(y.length);
    for (let i = 0; i < starts; i++) {
      const output = y.subarray(i * count, (i + 1) * count);
      const { k, by } = furthest(conditions, output);
      if (!(by > 0)) {
        const witness = await confirmed(runs, of, x.slice(i * size, (i + 1) * size));
        if (witness) return witness;
      }
      if (k >= 0) directions.set(conditions.rows[k]!, i * count);
    }
    if (step === steps || !runs.gradients) break;
    const g = await runs.gradients(at(), directions);
    const share = 0.5 * (1 - step / steps);
    for (let i = 0; i < x.length; i++) x[i] = stepped(x[i]!, g[i]!, -share, of.lower[i % size]!, of.upper[i % size]!);
  }
  return undefined;
}

/** The witness that an input is, if it is one for the file itself. */
export async function confirmed(runs: Runs, of: Case, input: Float32Array): Promise<Witness | undefined> {
  const witness = { input, output: await runs.fileOutput(input) };
  return isWitness(of, witness) ? witness : undefined;
}

/** The centre, then random points and corners in turn. */
function startsIn({ lower, upper }: Case, starts: number, random: Random): Float32Array {
  const size = lower.length;
  return Float32Array.from({ length: starts * size }, (_, at) => {
    const [start, i] = [Math.floor(at / size), at % size];
    const share = start === 0 ? 0.5 : start % 2 === 0 ? random.integer(2) : random.uniform();
    const value = Math.fround(lower[i]! + (upper[i]! - lower[i]!) * share);
    return Math.min(upper[i]!, Math.max(lower[i]!, value));
  });
}
