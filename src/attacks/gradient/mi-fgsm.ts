import { defineAttack } from "../../attack.ts";
import type { DifferentiableModel } from "../../model.ts";
import { type AscentOptions, aboutAscent, ascent } from "../steps/ascent.ts";
import { ATTACK_LOSSES } from "../steps/losses.ts";

export type MiFgsmOptions = Pick<AscentOptions, "steps" | "stepSize" | "momentum" | "loss" | "stopAtSuccess">;

const STEPS = 10;

/**
 * The momentum iterative method (Dong et al. 2018, algorithm 1; eq. 9 for L2): from x, g ← μg + ∇J / ‖∇J‖₁, each sample on its
 * own, then a step α along g. Defaults: 10 steps, α = ε / steps, μ = 1 (§4.1).
 *
 * Differences: L1, with the step of PGD; points are projected onto the ball, which they cannot leave with these defaults;
 * the best point of each sample is kept, and a sample that reaches its goal is done. As a surrogate's attack on another
 * model it wants `stopAtSuccess: false`. A gradient of zeros adds nothing (where others divide by 0).
 */
export const miFgsm = defineAttack<DifferentiableModel, MiFgsmOptions>({
  name: "mi-fgsm",
  title: "momentum iterative FGSM",
  paper: "https://arxiv.org/abs/1710.06081",
  norms: ["linf", "l2", "l1"],
  aim: "within-epsilon",
  needs: "gradient",
  defaults: { steps: STEPS, stepSize: `${1 / STEPS}eps`, momentum: 1, loss: "cross-entropy", stopAtSuccess: true },
  choices: { loss: ATTACK_LOSSES },
  about: aboutAscent("steps", "stepSize", "momentum", "loss", "stopAtSuccess"),
  propose: (task, options) =>
    ascent(task, { ...options, restarts: 1, randomStart: false, nesterov: false, firstOrder: false, optimizer: "sgd" }),
});
