import { fromNumber, negative, plus, sign, times, toNumber, ZERO } from "../vnnlib/decimal.ts";
import type { Case, Inequality } from "./property.ts";

/** An input of the box and the output that the network gave there, of which every condition of a case holds. */
export interface Witness {
  readonly input: Float32Array;
  readonly output: Float32Array;
}

/** Whether an inequality holds of an output, exactly. What is not finite satisfies nothing. */
function holds({ coefficients, limit, isStrict }: Inequality, y: ArrayLike<number>): boolean {
  let sum = ZERO;
  for (const [k, by] of coefficients) {
    if (!Number.isFinite(y[k])) return false;
    sum = plus(sum, times(by, fromNumber(y[k]!)));
  }
  const difference = sign(plus(sum, negative(limit)));
  return isStrict ? difference < 0 : difference <= 0;
}

/** Whether an input is in the box of a case, and every condition holds of the output, without any tolerance. */
export const isWitness = ({ lower, upper, outputs }: Case, { input, output }: Witness): boolean =>
  input.every((v, i) => v >= lower[i]! && v <= upper[i]!) && outputs.every((inequality) => holds(inequality, output));

/** Conditions as rows of float64, for what only looks for a witness or bounds it: Σ row·y - limit, which is above 0 where it does not hold. */
export interface Conditions {
  readonly rows: readonly Float64Array[];
  readonly limits: readonly number[];
}

export const conditionsOf = ({ outputs }: Case, count: number): Conditions => ({
  rows: outputs.map(({ coefficients }) => {
    const row = new Float64Array(count);
    for (const [k, by] of coefficients) row[k] = toNumber(by);
    return row;
  }),
  limits: outputs.map(({ limit }) => toNumber(limit)),
});

/** How far an output is from one condition: Σ row·y - limit. */
export const above = ({ rows, limits }: Conditions, k: number, y: ArrayLike<number>): number =>
  rows[k]!.reduce((sum, by, i) => sum + by * y[i]!, -limits[k]!);

/** The condition that is furthest from holding, and how far it is. */
export function furthest(conditions: Conditions, y: ArrayLike<number>): { k: number; by: number } {
  let worst = { k: -1, by: Number.NEGATIVE_INFINITY };
  for (const k of conditions.rows.keys()) {
    const by = above(conditions, k, y);
    if (by > worst.by || Number.isNaN(by)) worst = { k, by };
  }
  return worst;
}
