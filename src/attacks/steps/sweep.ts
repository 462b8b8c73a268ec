import { type AttackTask, predict } from "../../attack.ts";
import { checkSignal } from "../../errors.ts";
import { type Model, reached, takeGoal, takeGradient } from "../../model.ts";
import { type FloatTensor, sampleSize, takeRows } from "../../tensor.ts";

/** What an attack with one budget was asked to do: as `AttackTask`, of the samples that are not fooled yet. */
export type BudgetTask<M extends Model> = Omit<AttackTask<M>, "epsilons" | "wanted"> & { readonly epsilon: number };

/** Its candidates, in the shape of x, and 1 for each sample whose goal the model says is reached there. */
export interface Attempt {
  readonly candidates: FloatTensor;
  readonly success: Uint8Array;
}

/**
 * Candidates for every ε from an attack with one budget: the budgets rise, a fooled sample keeps its candidate, which
 * lies in all larger balls too, and is not attacked again; nor is one of which the budget is not wanted. ε = 0 gives x.
 */
export async function sweep<M extends Model>(
  task: AttackTask<M>,
  attack: (task: BudgetTask<M>) => Promise<Attempt>,
): Promise<FloatTensor[]> {
  const { x, goal, indices, start, epsilons, wanted, signal, ...rest } = task;
  const size = sampleSize(x);
  const best = x.data.slice();
  const notFooled = new Set(indices.keys());
  const results: FloatTensor[] = [];
  for (const [k, epsilon] of epsilons.entries()) {
    checkSignal(signal);
    const rows = [...notFooled].filter((row) => !wanted || k < wanted[row]!);
    if (epsilon > 0 && rows.length > 0) {
      const { candidates, success } = await attack({
        ...rest,
        x: takeRows(x, rows),
        goal: takeGoal(goal, rows),
        indices: Int32Array.from(rows, (row) => indices[row]!),
        start: start && takeGradient(start, rows),
        signal,
        epsilon,
      });
      for (const [i, row] of rows.entries()) {
        best.set(candidates.data.subarray(i * size, (i + 1) * size), row * size);
        if (success[i]) notFooled.delete(row);
      }
    }
    results.push({ type: "float32", dims: x.dims, data: best.slice() });
  }
  return results;
}

/** 1 for each sample whose logits reach its goal. */
export const successOf = (logits: FloatTensor, goal: BudgetTask<Model>["goal"]): Uint8Array =>
  Uint8Array.from(predict(logits), (p, i) => Number(p >= 0 && reached(goal, i, p)));
