import type { AttackTask } from "../../attack.ts";
import type { About } from "../../attack-options.ts";
import { checkCount, checkSignal } from "../../errors.ts";
import { type Model, take, takeGoal } from "../../model.ts";
import { type Random, randomFor } from "../../random.ts";
import { type FloatTensor, sampleSize, takeRows } from "../../tensor.ts";
import { keepBest } from "./best.ts";
import { type BudgetTask, sweep } from "./sweep.ts";

export interface NoiseOptions {
  /** Points drawn, and forward passes, for each sample and ε. */
  readonly draws: number;
}

export const NOISE_DEFAULTS: NoiseOptions = { draws: 10 };
export const NOISE_ABOUT: About<NoiseOptions> = { draws: "random points that are tried for each ε" };

/** Puts the sample `x` with noise into `out`. */
type Draw = (out: Float32Array, x: Float32Array, task: BudgetTask<Model>, random: Random) => void;

/** Draws noise for each ε and keeps the best draw of each sample, by the margin; a sample that reaches its goal is done. */
export async function noise(task: AttackTask<Model>, { draws }: NoiseOptions, draw: Draw): Promise<FloatTensor[]> {
  checkCount("draws", draws);
  return sweep(task, async (budget) => {
    const { model, x, goal, norm, epsilon, indices, seed, signal } = budget;
    const size = sampleSize(x);
    const best = keepBest(x, "margin");
    for (let k = 0; k < draws; k++) {
      checkSignal(signal);
      const rows = [...best.success.keys()].filter((row) => best.success[row] === 0);
      if (rows.length === 0) break;
      const noisy = takeRows(x, rows);
      for (const [i, row] of rows.entries()) {
        const point = noisy.data.subarray(i * size, (i + 1) * size);
        const original = x.data.subarray(row * size, (row + 1) * size);
        draw(point, original, budget, randomFor(seed, indices[row]!, 0, k));
        norm.project(point, original, epsilon, model.bounds);
      }
      best.offer(rows, noisy, await model.logits(noisy, take(indices, rows)), takeGoal(goal, rows));
    }
    return { candidates: best.points, success: best.success };
  });
}
