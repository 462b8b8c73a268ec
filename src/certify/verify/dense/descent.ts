import { tensor } from "../../../tensor.ts";
import { stepped } from "../../bounds/box.ts";
import type { Case } from "../property.ts";
import { type Conditions, furthest } from "../witness.ts";
import type { Layer } from "./layers.ts";
import { gradientsOf, outputsOf } from "./runs.ts";

/** Steps at most, the first as a share of the box, and what it is multiplied by where a step leads nowhere. */
const [STEPS, FIRST, LESS] = [60, 0.1, 0.4];

/**
 * Steps from one input, by the sign of the gradient of the condition that is furthest from holding, for as long as it comes nearer. Gives an input of the box of a case at which all conditions
 * hold, as float64 comes to it, if one is met.
 */
export function descend(
  layers: readonly Layer[],
  { lower, upper }: Case,
  conditions: Conditions,
  from: Float32Array,
): Float32Array | undefined {
  let x = from;
  let at = furthest(conditions, outputsOf(layers, x));
  let share = FIRST;
  for (let step = 0; step < STEPS && at.by > 0; step++) {
    const g = gradientsOf(layers, tensor("float32", [1, x.length], x), Float32Array.from(conditions.rows[at.k]!));
    const next = x.map((v, i) => stepped(v, g[i]!, -share, lower[i]!, upper[i]!));
    const reached = furthest(conditions, outputsOf(layers, next));
    if (reached.by < at.by) [x, at] = [next, reached];
    else share *= LESS;
  }
  return at.by <= 0 ? x : undefined;
}
