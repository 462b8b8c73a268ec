import { stacked } from "../../tensor.ts";
import { branchTwice } from "../bounds/branch.ts";
import type { Case } from "./property.ts";
import { searchFrom } from "./search.ts";
import { boxesOf, type Parts, type Split, type SplitOptions } from "./split.ts";
import { conditionsOf, furthest, type Witness } from "./witness.ts";

/** Inputs that are moved at a time. */
const STARTS = 4;

/** Shows of cases over one box that none has a counterexample, by branch and bound on the signs of neurons. */
export async function splitSigns(
  { bounds, runs, sample, outputs }: Parts,
  cases: readonly Case[],
  { late, signal, most }: SplitOptions,
): Promise<Split> {
  const all = cases.map((of) => ({ of, conditions: conditionsOf(of, outputs), nearest: Number.POSITIVE_INFINITY }));
  if (all.some(({ conditions }) => conditions.rows.length === 0))
    return { kind: "open", reason: "nothing is asked of the outputs", domains: 0 };
  let witness: Witness | undefined;
  const box = boxesOf(cases.slice(0, 1), sample);
  const tuning = await bounds.tuning(box);
  const rows: { row: Float32Array; limit: number }[] = [];
  for (const { conditions } of all) {
    const asked = conditions.rows.map((row, k) => ({
      row: Float32Array.from(row),
      limit: conditions.limits[k]!,
      domain: tuning.root,
    }));
    const found = await tuning.guess(asked);
    // Of conditions that hold together, it is enough that one cannot: that which bounds are nearest to showing.
    const k = found.reduce(
      (best, bound, i) => (bound - asked[i]!.limit > found[best]! - asked[best]!.limit ? i : best),
      0,
    );
    rows.push({ row: asked[k]!.row, limit: asked[k]!.limit });
  }
  const tryInputs = async (inputs: readonly Float32Array[]): Promise<Float32Array | undefined> => {
    const y = await runs.outputs(stacked(inputs, box.centre));
    for (const one of all) {
      const { of, conditions } = one;
      const far = inputs.map((_, i) => furthest(conditions, y.subarray(i * outputs, (i + 1) * outputs)).by);
      const nearest = [...far.keys()].sort((a, b) => far[a]! - far[b]!).slice(0, STARTS);
      // From inputs that are no nearer than others before, steps lead where those led.
      const least = far[nearest[0]!]!;
      if (!(least < one.nearest || least <= 0)) continue;
      one.nearest = least;
      const from = stacked(
        nearest.map((i) => inputs[i]!),
        box.centre,
      );
      witness = await searchFrom(runs, of, conditions, from);
      if (witness) return witness.input;
    }
    return undefined;
  };
  const result = await branchTwice(tuning, () => bounds.tuning(box, true), rows, { late, signal, most, tryInputs });
  if (result.kind === "witness") return { kind: "witness", witness: witness!, domains: result.domains };
  if (result.kind === "open")
    return {
      kind: "open",
      domains: result.domains,
      reason: result.isHopeless
        ? "a part of the box in which every neuron has a known sign stays open"
        : `bounds leave ${result.short.toPrecision(3)} open`,
    };
  return result;
}
