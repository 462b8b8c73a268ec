import { type Random, randomFor } from "../../random.ts";
import { type FloatTensor, stacked, tensor } from "../../tensor.ts";
import { stepped } from "../bounds/box.ts";
import { Moves } from "../bounds/moves.ts";
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
  const x = tensor("float32", [starts, ...sample], startsIn(of, starts, randomFor(seed, 0)));
  for (let step = 0; step <= steps; step++) {
    const { witness, directions } = await look(runs, of, conditions, x);
    if (witness) return witness;
    if (step === steps || !runs.gradients) break;
    const g = await runs.gradients(x, directions);
    const share = 0.5 * (1 - step / steps);
    for (let i = 0; i < x.data.length; i++)
      x.data[i] = stepped(x.data[i]!, g[i]!, -share, of.lower[i % size]!, of.upper[i % size]!);
  }
  return undefined;
}

/** Steps from given inputs, and the first of them as a share of half the box. */
const [STEPS, FIRST] = [60, 0.2];

/** Looks for a counterexample of a case among inputs of its box, [n, ...], and from these on by steps that become smaller. They are moved. */
export async function searchFrom(
  runs: Runs,
  of: Case,
  conditions: Conditions,
  x: FloatTensor,
): Promise<Witness | undefined> {
  const moves = new Moves(x.data.length, of);
  for (let step = 0; ; step++) {
    const { witness, directions } = await look(runs, of, conditions, x);
    if (witness || step === STEPS || !runs.gradients) return witness;
    moves.step(x.data, await runs.gradients(x, directions), FIRST * (1 - step / STEPS));
  }
}

/** Of many inputs of a case, those at which its conditions are nearest to holding, [starts, ...]. Each element is at one of its ends in a good part of them. */
export async function nearest(
  runs: Runs,
  of: Case,
  conditions: Conditions,
  sample: readonly number[],
  { tries, starts, seed }: { readonly tries: number; readonly starts: number; readonly seed: number },
): Promise<FloatTensor> {
  const random = randomFor(seed, 1);
  const size = of.lower.length;
  const x = Float32Array.from({ length: tries * size }, (_, at) => {
    const share = random.uniform() < AT_ENDS ? random.integer(2) : random.uniform();
    return within(of, at % size, share);
  });
  const y = await runs.outputs(tensor("float32", [tries, ...sample], x));
  const count = y.length / tries;
  const far = Float64Array.from(
    { length: tries },
    (_, i) => furthest(conditions, y.subarray(i * count, (i + 1) * count)).by,
  );
  const order = [...far.keys()].sort((a, b) => far[a]! - far[b]!).slice(0, starts);
  return stacked(
    order.map((i) => x.slice(i * size, (i + 1) * size)),
    tensor("float32", [1, ...sample], new Float32Array(size)),
  );
}

/** The share of elements that are set to an end. */
const AT_ENDS = 0.25;

/** A counterexample among inputs; for each, the condition that is furthest from holding. */
async function look(runs: Runs, of: Case, conditions: Conditions, x: FloatTensor) {
  const y = await runs.outputs(x);
  const n = x.dims[0]!;
  const [size, count] = [x.data.length / n, y.length / n];
  const directions = new Float32Array(y.length);
  for (let i = 0; i < n; i++) {
    const { k, by } = furthest(conditions, y.subarray(i * count, (i + 1) * count));
    if (!(by > 0)) {
      const witness = await confirmed(runs, of, x.data.slice(i * size, (i + 1) * size));
      if (witness) return { witness, directions };
    }
    if (k >= 0) directions.set(conditions.rows[k]!, i * count);
  }
  return { witness: undefined, directions };
}

/** The witness that an input is, if it is one for the file itself. */
export async function confirmed(runs: Runs, of: Case, input: Float32Array): Promise<Witness | undefined> {
  const witness = { input, output: await runs.fileOutput(input) };
  return isWitness(of, witness) ? witness : undefined;
}

/** The centre, then random points and corners in turn. */
function startsIn(of: Case, starts: number, random: Random): Float32Array {
  const size = of.lower.length;
  return Float32Array.from({ length: starts * size }, (_, at) => {
    const [start, i] = [Math.floor(at / size), at % size];
    const share = start === 0 ? 0.5 : start % 2 === 0 ? random.integer(2) : random.uniform();
    return within(of, i, share);
  });
}

/** A number that is so far between the ends of an element. */
function within({ lower, upper }: Case, i: number, share: number): number {
  const value = Math.fround(lower[i]! + (upper[i]! - lower[i]!) * share);
  return Math.min(upper[i]!, Math.max(lower[i]!, value));
}
