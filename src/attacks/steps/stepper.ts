import { type Length, lengthAt } from "../../length.ts";
import type { DifferentiableModel } from "../../model.ts";
import { sampleSize } from "../../tensor.ts";
import { signStep } from "./sign-step.ts";
import { type Steering, steepest } from "./steering.ts";
import type { BudgetTask } from "./sweep.ts";

/** "sgd": steepest steps. "adam": along the steered direction as it is, no longer than a step. */
export const OPTIMIZERS = ["sgd", "adam"] as const;
export type Optimizer = (typeof OPTIMIZERS)[number];

/** How a step of steepest ascent spends its L1 length: all on the steepest elements, or along the whole gradient. */
export const L1_STEPS = ["sparse", "dense"] as const;
export type L1Step = (typeof L1_STEPS)[number];

interface Pace {
  readonly stepSize: Length;
  readonly optimizer: Optimizer;
  readonly l1Step?: L1Step;
}

/** Moves the point of one sample along its gradient, into `out`. An element that is NaN points nowhere. */
export function stepper(
  { x, norm, epsilon, model: { bounds } }: BudgetTask<DifferentiableModel>,
  { stepSize, optimizer, l1Step }: Pace,
  steering: Steering,
) {
  const size = sampleSize(x);
  const length = lengthAt(stepSize, epsilon);
  const turned = new Float32Array(size);
  return (out: Float32Array, from: Float32Array, gradient: Float32Array, row: number, t: number): void => {
    const original = x.data.subarray(row * size, (row + 1) * size);
    let direction = gradient;
    if (steering !== steepest || (norm.name !== "linf" && !allFinite(gradient))) {
      direction = finite(turned, gradient);
      steering.turn(direction, row, t);
    }
    if (norm.name === "linf" && optimizer === "sgd") {
      signStep(out, from, direction, original, length, epsilon, bounds);
      return;
    }
    const dense = norm.name === "l1" && l1Step === "dense";
    if (optimizer === "adam" || dense) {
      const steepness = norm.length(direction);
      const scale = length / (dense ? steepness || 1 : Math.max(1, steepness));
      for (let j = 0; j < size; j++) out[j] = from[j]! + scale * direction[j]!;
    } else norm.ascend(out, from, direction, length, bounds);
    norm.project(out, original, epsilon, bounds);
  };
}

const LARGEST = 3.4028234663852886e38;

function allFinite(v: Float32Array): boolean {
  for (let j = 0; j < v.length; j++) if (!Number.isFinite(v[j]!)) return false;
  return true;
}

/** The elements of `v` as finite numbers, NaN as 0; into `out`. */
function finite(out: Float32Array, v: Float32Array): Float32Array {
  for (let j = 0; j < v.length; j++) {
    const g = v[j]!;
    out[j] = Number.isNaN(g) ? 0 : g > LARGEST ? LARGEST : g < -LARGEST ? -LARGEST : g;
  }
  return out;
}
