import { defineAttack } from "../../attack.ts";
import { PerturbError } from "../../errors.ts";
import { checkLength, type Length, lengthAt } from "../../length.ts";
import type { Model } from "../../model.ts";
import { ascendEstimates } from "../steps/estimated-ascent.ts";
import type { Estimate } from "../steps/probes.ts";
import { adam } from "../steps/steering.ts";
import { sweep } from "../steps/sweep.ts";

export interface SpsaOptions {
  readonly steps: number;
  /** Pairs of probes for each gradient. */
  readonly pairs: number;
  /** δ: how far each element of a probe lies from the point. */
  readonly delta: Length;
  /** Step size of Adam. */
  readonly learningRate: Length;
}

/**
 * SPSA (Uesato, O'Donoghue, van den Oord and Kohli 2018, §4.2, algorithm 1): Adam on gradients of the margin that are
 * estimated along random signs, projected after each step. Defaults: δ, step size and pairs of CleverHans 4; it leaves the
 * number of steps open, and 100 is ours. The paper has up to 8,192 probes for a step. Differences: probes are cut to the
 * bounds; a sample stops as soon as its goal is reached; probes lie about the current point (CleverHans 4 puts them about
 * 2x whatever the point).
 */
export const spsa = defineAttack<Model, SpsaOptions>({
  name: "spsa",
  title: "SPSA, gradients estimated along random signs",
  paper: "https://arxiv.org/abs/1802.05666",
  norms: ["linf"],
  aim: "within-epsilon",
  needs: "logits",
  defaults: { steps: 100, pairs: 128, delta: 0.01, learningRate: 0.01 },
  about: {
    steps: "steps of Adam",
    pairs: "pairs of probes for each estimate of the gradient, a query each",
    delta: { length: "between the point and each element of a probe" },
    learningRate: { length: "of a step of Adam" },
  },
  async propose(task, { steps, pairs, delta, learningRate }) {
    for (const [name, value] of Object.entries({ steps, pairs }))
      if (!(Number.isInteger(value) && value >= 1))
        throw new PerturbError("usage", `SPSA's ${name} must be a whole number from 1, got ${value}.`);
    for (const [name, value] of Object.entries({ delta, learningRate })) checkLength(`SPSA's ${name}`, value);
    return sweep(task, (budget) =>
      ascendEstimates(budget, {
        steps,
        pairs,
        reach: lengthAt(delta, budget.epsilon),
        loss: "margin",
        draw: (random) => (random.uint32() & 1 ? 1 : -1),
        randomStart: true,
        stepper: (size) => adamSteps(size, lengthAt(learningRate, budget.epsilon)),
      }),
    );
  },
});

function adamSteps(size: number, rate: number): (point: Float32Array, at: Estimate) => void {
  const steering = adam(1, size);
  const direction = new Float32Array(size);
  let t = 0;
  return (point, { gradient }) => {
    direction.set(gradient);
    steering.turn(direction, 0, t++);
    for (let i = 0; i < size; i++) point[i]! += rate * direction[i]!;
  };
}
