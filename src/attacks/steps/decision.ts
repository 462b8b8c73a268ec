import { type AttackTask, predict } from "../../attack.ts";
import { checkSignal, PerturbError } from "../../errors.ts";
import { type Model, reached, take } from "../../model.ts";
import type { Box } from "../../norm.ts";
import { type FloatTensor, sampleSize, takeRows } from "../../tensor.ts";
import type { Nearest } from "./nearest.ts";

/** A model of which only the predicted class is used. */
export interface Oracle {
  /**
   * 1 for each point of `points` [m · size] that reaches the goal of its sample `rows[i]`, which may be named more than
   * once. What reaches it is offered to `nearest`. A sample out of queries gets 0, without a query.
   */
  readonly ask: (points: Float32Array, rows: readonly number[]) => Promise<Uint8Array>;
  /** Whether more queries may be made for a sample. */
  readonly open: (row: number) => boolean;
}

/** Answers of NaN in a row after which a sample is given up: a model that answers no more, or a budget that is spent. */
const SILENCE = 20;

/** Makes at most `queries` queries for each sample to the model of `task`. */
export function oracle({ model, x, goal, indices, signal }: AttackTask<Model>, queries: number, near: Nearest): Oracle {
  const size = sampleSize(x);
  const left = new Float64Array(indices.length).fill(queries);
  const silent = new Uint8Array(indices.length);
  return {
    open: (row) => left[row]! > 0,
    async ask(points, rows) {
      checkSignal(signal);
      const answers = new Uint8Array(rows.length);
      const asked: number[] = [];
      for (let i = 0; i < rows.length; i++) if (left[rows[i]!]!-- > 0) asked.push(i);
      if (asked.length === 0) return answers;
      const given: FloatTensor = { type: "float32", dims: [rows.length, ...x.dims.slice(1)], data: points };
      const of = asked.map((i) => rows[i]!);
      const logits = await model.logits(asked.length < rows.length ? takeRows(given, asked) : given, take(indices, of));
      for (const [k, prediction] of predict(logits).entries()) {
        const [i, row] = [asked[k]!, of[k]!];
        silent[row] = prediction < 0 ? silent[row]! + 1 : 0;
        if (silent[row] >= SILENCE) left[row] = 0;
        if (prediction < 0 || !reached(goal, row, prediction)) continue;
        answers[i] = 1;
        near.offer(row, points.subarray(i * size, (i + 1) * size));
      }
      return answers;
    },
  };
}

/** The point at t in [0, 1] of a way from x to `far`, into `out`. */
export type Way = (out: Float32Array, x: Float32Array, far: Float32Array, t: number) => void;

/** The straight way. */
export const blend: Way = (out, x, far, t) => {
  for (let i = 0; i < out.length; i++) out[i] = x[i]! + t * (far[i]! - x[i]!);
};

/** The finest part of a way that float32 can tell. */
const FINEST = 2 ** -22;

/**
 * Moves the adversarial points `rows` of `points` along the way to x, by bisection, to within `tolerance` of the whole way
 * from a point that is not adversarial. All samples share the calls.
 */
export async function bisect(
  { ask }: Oracle,
  x: FloatTensor,
  points: FloatTensor,
  rows: readonly number[],
  way: Way,
  tolerance: number,
): Promise<void> {
  const size = sampleSize(x);
  const far = takeRows(points, rows).data;
  const tried = new Float32Array(far.length);
  const high = new Float64Array(rows.length).fill(1);
  for (let gap = 1; gap > Math.max(tolerance, FINEST); gap /= 2) {
    for (let i = 0; i < rows.length; i++)
      way(
        tried.subarray(i * size, (i + 1) * size),
        x.data.subarray(rows[i]! * size, (rows[i]! + 1) * size),
        far.subarray(i * size, (i + 1) * size),
        high[i]! - gap / 2,
      );
    const answers = await ask(tried, rows);
    for (let i = 0; i < rows.length; i++) {
      if (!answers[i]) continue;
      high[i]! -= gap / 2;
      points.data.set(tried.subarray(i * size, (i + 1) * size), rows[i]! * size);
    }
  }
}

/** Into the box. */
export function clip(point: Float32Array, { lower, upper }: Box): void {
  for (let i = 0; i < point.length; i++) {
    const v = point[i]!;
    point[i] = v < lower ? lower : v > upper ? upper : v;
  }
}

/** Options that count must be whole numbers from 1; the others positive and finite. @throws usage */
export function checkNumbers(attack: string, counts: object, sizes: object): void {
  const refuse = (what: string): never => {
    throw new PerturbError("usage", `${attack} needs ${what}.`);
  };
  for (const [name, value] of Object.entries(counts))
    if (!(Number.isInteger(value) && value >= 1)) refuse(`a whole number of ${name} from 1, got ${value}`);
  for (const [name, value] of Object.entries(sizes))
    if (!(value > 0 && value < Number.POSITIVE_INFINITY)) refuse(`a positive ${name}, got ${value}`);
}
