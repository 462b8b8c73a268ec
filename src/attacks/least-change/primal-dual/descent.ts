import { type AttackTask, predict } from "../../../attack.ts";
import type { About } from "../../../attack-options.ts";
import { checkSignal } from "../../../errors.ts";
import { type DifferentiableModel, reached, take, takeGoal } from "../../../model.ts";
import { type FloatTensor, sampleSize, takeRows } from "../../../tensor.ts";
import { checkNumbers } from "../../steps/decision.ts";
import { type Nearest, nearest, rowsOf } from "../../steps/nearest.ts";

export interface PrimalDualOptions {
  /** Gradients a sample. */
  readonly steps: number;
  /** Length of an element's first and last step, where its gradient stays as it is; between them it falls by equal shares. */
  readonly stepSize: number;
  readonly finalStepSize: number;
  /** What the logarithm of the ratio of the two weights moves by in a step, at most. */
  readonly dualStepSize: number;
}

/** What the defaults of both attacks are. */
export const PRIMAL_DUAL: PrimalDualOptions = { steps: 500, stepSize: 0.1, finalStepSize: 0.001, dualStepSize: 0.3 };

export const aboutPrimalDual: About<PrimalDualOptions> = {
  steps: "gradient steps",
  stepSize: "length of an element's first step, in units of the input",
  finalStepSize: "length of an element's last step, in units of the input",
  dualStepSize: "most that the logarithm of the weights' ratio moves in a step",
};

/** How the distance enters a step: by its gradient, or, where it has none, by its proximal operator. */
export type Distance =
  | {
      /** Subtracts `weight` times the gradient of ‖d‖ from `slope`. */
      readonly pull: (slope: Float32Array, d: Float32Array, weight: number) => void;
    }
  | {
      /** d ← argmin_z amount · ‖z‖ + ½ Σ metric_j (z_j - d_j)² */
      readonly shrink: (d: Float32Array, metric: Float64Array, amount: number) => void;
    };

/** The decay of the mean of squared gradients, and of that of the outcomes. */
const [SQUARES, OUTCOMES] = [0.999, 0.9];
/** Keeps quotients finite where a gradient is 0. */
const TINY = 1e-8;

/**
 * Two players (Matyasko and Chau 2021): one lowers λ₁‖d‖ + λ₂ log(1 + exp(-J)) of the perturbation d, by steps that
 * the root of the mean squared gradient scales element by element; the other raises λ₂ against λ₁ after a point that is not
 * adversarial, and lowers it after one that is, by exponentiated gradients: λ₁ + λ₂ = 1, and the logarithm of their ratio moves.
 */
export async function primalDual(
  task: AttackTask<DifferentiableModel>,
  options: PrimalDualOptions,
  distance: Distance,
): Promise<Nearest> {
  const { steps, stepSize, finalStepSize, dualStepSize } = options;
  checkNumbers(task.norm.name === "l2" ? "PDGD" : "PDPGD", { steps }, { stepSize, finalStepSize, dualStepSize });
  const { model, x, goal, indices, signal } = task;
  const { lower, upper } = model.bounds;
  const size = sampleSize(x);
  const found = nearest(task);
  const current: FloatTensor = { ...x, data: x.data.slice() };
  const [original, point] = [rowsOf(x), rowsOf(current)];
  const squares = new Float64Array(x.data.length);
  const [ratios, outcomes] = [new Float64Array(indices.length), new Float64Array(indices.length)];
  const [d, slope, metric] = [new Float32Array(size), new Float32Array(size), new Float64Array(size)];
  let rows = found.open();
  for (let k = 0; k < steps && rows.length > 0; k++) {
    checkSignal(signal);
    const rate = stepSize * (finalStepSize / stepSize) ** (k / steps);
    const corrected = 1 - SQUARES ** (k + 1);
    const remaining = takeGoal(goal, rows);
    const asked = takeRows(current, rows);
    const { logits, loss, gradient } = await model.gradient(asked, remaining, "margin", take(indices, rows));
    for (const [i, prediction] of predict(logits).entries()) {
      const row = rows[i]!;
      const [p, o, g] = [point(row), original(row), rowsOf(gradient)(i)];
      const isAdversarial = prediction >= 0 && reached(remaining, i, prediction);
      if (isAdversarial) found.offer(row, p);
      const weight = logistic(ratios[row]!);
      const steepness = weight * logistic(-loss.data[i]!);
      for (let j = 0; j < size; j++) {
        d[j] = p[j]! - o[j]!;
        slope[j] = steepness * g[j]!;
      }
      if ("pull" in distance) distance.pull(slope, d, 1 - weight);
      let sum = 0;
      for (let j = 0; j < size; j++) sum += slope[j]!;
      // A broken gradient shows no way.
      if (!Number.isFinite(sum)) continue;
      const outcome = isAdversarial ? -1 : 1;
      outcomes[row] = k === 0 ? outcome : OUTCOMES * outcomes[row]! + (1 - OUTCOMES) * outcome;
      ratios[row]! += dualStepSize * outcomes[row]!;
      for (let j = 0, at = row * size; j < size; j++, at++) {
        squares[at] = SQUARES * squares[at]! + (1 - SQUARES) * slope[j]! ** 2;
        metric[j] = Math.sqrt(squares[at]! / corrected) + TINY;
        d[j]! += (rate * slope[j]!) / metric[j]!;
      }
      if ("shrink" in distance) distance.shrink(d, metric, rate * (1 - weight));
      for (let j = 0; j < size; j++) {
        const v = o[j]! + d[j]!;
        p[j] = v < lower ? lower : v > upper ? upper : v;
      }
    }
    rows = found.open();
  }
  return found;
}

const logistic = (v: number): number => 1 / (1 + Math.exp(-v));
