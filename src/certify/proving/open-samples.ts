import { take } from "../../model.ts";
import { takeRows } from "../../tensor.ts";
import type { Breakdown, Breakdowns } from "../bounds/breakdown.ts";
import type { Layer } from "../bounds/terms.ts";
import type { Prover } from "./prover.ts";
import type { Lost } from "./shares.ts";
import type { Claims, Standing } from "./standing.ts";

/** Breakdown, each of its own sample. */
export interface OpenLosses extends Breakdowns {
  /** Numbers of the samples. */
  readonly rows: readonly number[];
}

/**
 * What the bounds of CROWN lose of samples that are left open, each at its least ε that is. @param below the number of the least ε of
 * each sample that is not asked about
 */
export async function lossesOfOpen(
  { reasons, others, found, proven }: Standing,
  { losses }: Pick<Prover, "losses">,
  { x, labels, epsilons, signal }: Claims,
  below: Int32Array,
): Promise<OpenLosses> {
  const rows = [...reasons.keys()].filter(
    (i) => reasons[i] !== null && others[i] !== null && !found[i] && proven[i]! < below[i]!,
  );
  if (rows.length === 0) return { rows, layers: [], samples: [] };
  const question = {
    x: takeRows(x, rows),
    labels: take(labels, rows),
    epsilons: rows.map((i) => epsilons[proven[i]!]!),
    others: Int32Array.from(rows, (i) => others[i]!),
  };
  const { layers, samples } = await losses(question, signal);
  // Of bounds that overflow nothing is known.
  const kept = [...rows.keys()].filter((n) => isKnown(samples[n]!));
  return { layers, rows: kept.map((n) => rows[n]!), samples: kept.map((n) => samples[n]!) };
}

const isKnown = ({ value, bound, linear, rounding, layers }: Breakdown): boolean =>
  [value - bound, linear, rounding, ...layers].every(Number.isFinite) && value > bound;

/** What one bound loses, with the names of its layers. */
export const lostOf = (names: readonly Layer[], { value, layers, ...parts }: Breakdown): Lost => ({
  ...parts,
  margin: value,
  layers: names.map(({ op, node }, k) => ({ op, node, loss: layers[k]! })),
});
