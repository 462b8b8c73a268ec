import { checkSignal, PerturbError } from "../../errors.ts";
import type { GraphModel } from "../../models/classifier/graph-model.ts";
import { type FloatTensor, takeRows } from "../../tensor.ts";
import type { BoundsOf } from "../bounds/bounds.ts";
import type { Box } from "../bounds/box.ts";
import { branchTwice } from "../bounds/branch.ts";
import type { Layers } from "../certificate/layers.ts";
import { Descent, type Reached } from "./descent.ts";
import { margins, otherClass } from "./margins.ts";
import type { Decision, Method, MethodName } from "./method.ts";
import { withPrecision } from "./precise.ts";

interface Parts {
  readonly bounds: BoundsOf;
  readonly model: GraphModel;
  /** The box of each sample. */
  readonly boxOf: (x: FloatTensor, epsilons: readonly number[]) => Box;
  /** What a margin of logits has to be above. */
  readonly least: number;
  /** The graph that is bounded as the checker of certificates reads it, if it does. */
  readonly network: () => Layers | undefined;
}

const nameOf = (splits: number): MethodName => (splits > 0 ? "branch-and-bound" : "alpha-crown");

/**
 * CROWN with slopes that are improved, and, with splits, branch and bound on the signs of neurons: up to so many parts of a box for each sample.
 * Each sample is decided by itself.
 */
export const byBranching = (parts: Parts, splits: number): Method => ({
  name: nameOf(splits),
  isCheap: false,
  isSearched: false,
  async decide({ x, labels, epsilons }, signal) {
    const decisions: Decision[] = [];
    for (const [i, label] of labels.entries()) {
      checkSignal(signal);
      decisions.push(await decide(parts, parts.boxOf(takeRows(x, [i]), [epsilons[i]!]), label, splits, signal));
    }
    return decisions;
  },
});

async function decide(
  { bounds, model, least, network }: Parts,
  box: Box,
  label: number,
  splits: number,
  signal: AbortSignal | undefined,
): Promise<Decision> {
  const open = async (isTight: boolean) => withPrecision(await bounds.tuning(box, isTight), network, box);
  const tuning = await open(false);
  if (tuning.neurons.length === 0) return { kind: "open", margin: Number.NaN, reason: null };
  const { seed } = margins(Int32Array.of(label), model.classes);
  const rows = Array.from({ length: model.classes - 1 }, (_, k) => ({
    row: takeRows(seed, [k]).data as Float32Array,
    limit: least,
  }));
  let reached: Reached | undefined;
  const descent = new Descent(model, box, label);
  const tryInputs = async (inputs: readonly Float32Array[]): Promise<Float32Array | undefined> => {
    reached = await descent.try(inputs);
    return reached?.input;
  };
  const options = { late: () => false, signal, tryInputs, most: splits + rows.length };
  const result = await branchTwice(tuning, () => open(true), rows, options);
  const margin = Number.NaN;
  if (result.kind === "proven") return { kind: "proven", margin };
  if (result.kind === "witness")
    return {
      kind: "refuted",
      margin,
      input: result.input,
      reason: `an input of the box is class ${reached!.prediction}`,
    };
  if (result.kind === "late") throw new PerturbError("internal", "There was no limit of time. Report this.");
  const where = splits > 0 ? ` somewhere, after ${result.domains - rows.length} parts of the box` : "";
  const bound = `${(least - result.short).toPrecision(3)}${where}`;
  const other = otherClass(result.row, label);
  // Above its limit, the bound is one over the real numbers.
  const rounding = result.short < 0 ? ", which is less than float32 may round" : "";
  const reason = `${nameOf(splits)} bounds the margin to class ${other} by ${bound}${rounding}`;
  return { kind: "open", margin, other, reason };
}
