import type { AttackTask } from "../../../attack.ts";
import { checkSignal } from "../../../errors.ts";
import { type DifferentiableModel, take, takeGoal } from "../../../model.ts";
import { type FloatTensor, takeRows } from "../../../tensor.ts";
import { objective } from "../../steps/losses.ts";
import { type Nearest, rowsOf } from "../../steps/nearest.ts";
import { successOf } from "../../steps/sweep.ts";

/**
 * FAB's final search (§3): on the segment from x, whose margin is known, to its nearest adversarial point, the point where a
 * linear margin would be 0; then on the part of the segment that holds the boundary, `steps` times. It only ever gets nearer.
 */
export async function finalSearch(
  { model, x, goal, indices, signal }: AttackTask<DifferentiableModel>,
  found: Nearest,
  logits: FloatTensor,
  steps: number,
  open: () => number[],
): Promise<void> {
  const rows = open().filter((row) => found.distances[row]! < Number.POSITIVE_INFINITY);
  if (steps === 0 || rows.length === 0) return;
  const aim = takeGoal(goal, rows);
  const samples = take(indices, rows);
  const outside = takeRows(x, rows);
  const inside: FloatTensor = { ...outside, data: outside.data.slice() };
  const middle: FloatTensor = { ...outside, data: outside.data.slice() };
  const [a, b, m] = [rowsOf(outside), rowsOf(inside), rowsOf(middle)];
  for (const [i, row] of rows.entries()) b(i).set(found.point(row));
  const below = objective(takeRows(logits, rows), aim, "margin");
  checkSignal(signal);
  const above = objective(await model.logits(inside, samples), aim, "margin");
  for (let k = 0; k < steps; k++) {
    for (const i of rows.keys()) {
      const t = -below[i]! / (above[i]! - below[i]!);
      const [from, to, out] = [a(i), b(i), m(i)];
      // What is no share of the segment, NaN too, is its end.
      const share = t >= 0 && t <= 1 ? t : 1;
      for (let j = 0; j < out.length; j++) out[j] = from[j]! + (to[j]! - from[j]!) * share;
    }
    checkSignal(signal);
    const answer = await model.logits(middle, samples);
    const margins = objective(answer, aim, "margin");
    for (const [i, reached] of successOf(answer, aim).entries()) {
      if (reached) {
        b(i).set(m(i));
        above[i] = margins[i]!;
        found.offer(rows[i]!, m(i));
      } else if (margins[i]! <= 0) {
        a(i).set(m(i));
        below[i] = margins[i]!;
      }
    }
  }
}
