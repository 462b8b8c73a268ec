import { take } from "../../model.ts";
import { takeRows } from "../../tensor.ts";
import type { Losses, LossesOf } from "../bounds/losses.ts";
import type { Layer } from "../bounds/terms.ts";
import type { Prover } from "./prover.ts";
import type { Claims, Standing } from "./standing.ts";

/** Losses, each of its own sample. */
export interface OpenLosses extends LossesOf {
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

const isKnown = ({ value, bound, linear, rounding, layers }: Losses): boolean =>
  [value - bound, linear, rounding, ...layers].every(Number.isFinite) && value > bound;

/** Such as "Relu /conv1/Relu takes 61 % of what CROWN's bound loses": of a layer, or of the linear part. */
export function largestLoss(layers: readonly Layer[], { value, bound, linear, layers: lost }: Losses): string {
  const most = lost.reduce((best, loss, k) => (loss > lost[best]! ? k : best), 0);
  const isLinear = !(lost[most]! > linear);
  const share = (100 * (isLinear ? linear : lost[most]!)) / (value - bound);
  return `${isLinear ? "the linear part" : nameOf(layers[most]!)} takes ${share.toFixed(0)} % of what CROWN's bound loses`;
}

/** How a layer is called in text. */
export const nameOf = ({ op, node }: Layer): string => (node === null ? op : `${op} ${node}`);
