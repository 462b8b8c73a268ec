import { defineAttack } from "../../attack.ts";
import { checkSignal, PerturbError } from "../../errors.ts";
import { type Model, take, takeGoal } from "../../model.ts";
import { randomFor } from "../../random.ts";
import { type FloatTensor, sampleSize } from "../../tensor.ts";
import { type ImageLayout, imageLayout } from "../steps/image-layout.ts";
import { objective } from "../steps/losses.ts";
import { type Attempt, type BudgetTask, successOf, sweep } from "../steps/sweep.ts";
import { walks } from "./square/walks.ts";
import { shareOfPixels } from "./square/windows.ts";

export interface SquareOptions {
  /** Most queries for a sample, for each ε; the start is one of them. */
  readonly queries: number;
  /** p at the start: the share of the pixels in a window. */
  readonly initialShare: number;
  /** Whether the schedule of p, made for 10,000 queries, is stretched to `queries`. AutoAttack does not stretch it. */
  readonly rescale: boolean;
}

/**
 * The Square attack (Andriushchenko, Croce, Flammarion and Hein 2020, algorithms 1 to 3; L1: Croce and Hein 2021,
 * https://arxiv.org/abs/2103.01208, §4): a random search over windows of ±ε (L∞) or of bumps (L2, L1) that keeps what
 * raises the objective: the margin untargeted, the cross-entropy of the target, negated, targeted.
 *
 * Defaults: 5,000 queries, p = .8 and the stretched schedule, those of `SquareAttack` in AutoAttack's code; the paper's are
 * 10,000 queries, and p = .05 (L∞) or .1 (L2) for undefended networks.
 *
 * Differences from that code: a window may touch the last row and column (as in the paper); each sample has windows of
 * its own; an L∞ draw that changes nothing is drawn again (as in the paper's code); the start counts as a query; a gain
 * below the rounding of float32 is none, so that no result hangs on the batch; where a square does not fit the window is a
 * rectangle; [features] are an image of one row, as are, in L2 and L1, the elements of an image that its first grid cannot
 * tile (under 5 pixels a side).
 */
export const square = defineAttack<Model, SquareOptions>({
  name: "square",
  title: "Square attack",
  paper: "https://arxiv.org/abs/1912.00049",
  norms: ["linf", "l2", "l1"],
  aim: "within-epsilon",
  needs: "logits",
  defaults: { queries: 5000, initialShare: 0.8, rescale: true },
  about: {
    queries: "most queries for a sample, for each ε",
    initialShare: "first size of the window, as a share of the pixels",
    rescale: "whether the schedule of sizes, made for 10,000 queries, is stretched to queries",
  },
  async propose(task, options) {
    checkOptions(options);
    const image = imageLayout(task.x.dims.slice(1), "Square");
    return sweep(task, (one) => search(one, image, options));
  },
});

async function search(task: BudgetTask<Model>, image: ImageLayout, options: SquareOptions): Promise<Attempt> {
  const { model, x, goal, norm, epsilon, indices, seed, signal } = task;
  const walk = walks[norm.name as keyof typeof walks](image, epsilon, model.bounds);
  const size = sampleSize(x);
  const best = new Float32Array(x.data.length);
  const space = new Float32Array(x.data.length);
  const highest = new Float64Array(indices.length).fill(Number.NEGATIVE_INFINITY);
  const success = new Uint8Array(indices.length);
  let rows = [...indices.keys()];
  let remaining = goal;
  for (let query = 0; query < options.queries && rows.length > 0; query++) {
    checkSignal(signal);
    const p = shareOfPixels(query - 1, options.queries, options.initialShare, options.rescale);
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      const from = row * size;
      const candidate = space.subarray(i * size, (i + 1) * size);
      const original = x.data.subarray(from, from + size);
      const random = randomFor(seed, indices[row]!, 0, query);
      if (query === 0) walk.start(candidate, original, random);
      else walk.step(candidate, original, best.subarray(from, from + size), p, random);
      // Corners of the ball, cut by the bounds, lie in both as they are.
      if (norm.name !== "linf") norm.project(candidate, original, epsilon, model.bounds);
    }
    const data = space.subarray(0, rows.length * size);
    const asked: FloatTensor = { type: "float32", dims: [rows.length, ...x.dims.slice(1)], data };
    const logits = await model.logits(asked, take(indices, rows));
    const fooled = successOf(logits, remaining);
    const values = objective(logits, remaining, goal.kind === "targeted" ? "cross-entropy" : "margin");
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      const value = values[i]!;
      // An infinite rise is an overflow, unless the goal is reached.
      const better = value > highest[row]! + roundingOf(logits, i) && value < Number.POSITIVE_INFINITY;
      if (query > 0 && !better && !fooled[i]) continue;
      best.set(space.subarray(i * size, (i + 1) * size), row * size);
      if (better) highest[row] = value;
      success[row] = fooled[i]!;
    }
    if (!fooled.includes(1)) continue;
    rows = rows.filter((row) => !success[row]);
    remaining = takeGoal(goal, rows);
  }
  return { candidates: { type: "float32", dims: x.dims, data: best }, success };
}

/** The rounding of the logits of row i, as far as float32 can tell. */
function roundingOf({ data, dims }: FloatTensor, i: number): number {
  let largest = 0;
  for (let at = i * dims[1]!; at < (i + 1) * dims[1]!; at++) {
    const size = Math.abs(data[at]!);
    if (size > largest && size < Number.POSITIVE_INFINITY) largest = size;
  }
  return largest * 2 ** -22;
}

function checkOptions({ queries, initialShare }: SquareOptions): void {
  if (!(Number.isInteger(queries) && queries >= 1))
    throw new PerturbError("usage", `Square needs a whole number of queries from 1, got ${queries}.`);
  if (!(initialShare > 0 && initialShare <= 1))
    throw new PerturbError("usage", `Square's initialShare is a share of the pixels in (0, 1], got ${initialShare}.`);
}
