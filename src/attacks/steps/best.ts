import type { Model } from "../../model.ts";
import { type FloatTensor, sampleSize } from "../../tensor.ts";
import type { AttackLoss } from "./losses.ts";
import { objective } from "./losses.ts";
import { type BudgetTask, successOf } from "./sweep.ts";

/** The best point of each sample so far: one that reaches the goal before one that does not, then by the loss. */
export interface Best {
  readonly points: FloatTensor;
  /** 1 for each sample whose best point reaches the goal. */
  readonly success: Uint8Array;
  /** Takes the points of the samples `rows`, whose logits are known, where they are better, or as good and later. */
  readonly offer: (
    rows: readonly number[],
    points: FloatTensor,
    logits: FloatTensor,
    goal: BudgetTask<Model>["goal"],
  ) => void;
}

/** Keeps the best points of a batch; x itself until one has been offered. NaN is no loss, and never the best. */
export function keepBest(x: FloatTensor, loss: AttackLoss): Best {
  const size = sampleSize(x);
  const points: FloatTensor = { ...x, data: x.data.slice() };
  const success = new Uint8Array(x.dims[0]!);
  const highest = new Float64Array(x.dims[0]!).fill(Number.NEGATIVE_INFINITY);
  return {
    points,
    success,
    offer(rows, { data }, logits, goal) {
      const reached = successOf(logits, goal);
      const values = objective(logits, goal, loss);
      for (const [i, row] of rows.entries()) {
        const rise = reached[i]! - success[row]!;
        if (!(rise > 0 || (rise === 0 && values[i]! >= highest[row]!))) continue;
        points.data.set(data.subarray(i * size, (i + 1) * size), row * size);
        success[row] = reached[i]!;
        highest[row] = values[i]!;
      }
    },
  };
}
