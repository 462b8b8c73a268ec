import { defineAttack } from "../../attack.ts";
import type { DifferentiableModel } from "../../model.ts";
import { type AscentOptions, aboutAscent, ascent } from "../steps/ascent.ts";
import { ATTACK_LOSSES } from "../steps/losses.ts";
import { L1_STEPS, OPTIMIZERS } from "../steps/stepper.ts";

/** How PGD climbs; the gradient is always taken at the point itself. */
export type PgdOptions = Required<Omit<AscentOptions, "nesterov" | "firstOrder">>;

const STEPS = 40;

/**
 * Projected gradient descent (Madry et al. 2018, §2.1): from a random point of the ball, x ← Π(x + α·sign(∇J)), where Π is
 * the exact Euclidean projection onto the ball, then onto the bounds. For L2 and L1 the step is the steepest one of length α
 * inside the bounds (for L1 that is the whole step on the few steepest elements; `l1Step: "dense"` goes along the gradient
 * instead, which fools more where gradients mislead and less elsewhere: docs/strength.md). Defaults: 40 steps and one start, as the
 * authors' MNIST attack; α = 2.5 ε / steps (§B: steps can reach the other side of the ball and still turn).
 *
 * Differences: FGSM's point is measured first, so that PGD fools whatever FGSM fools, at the cost of a forward pass; the
 * best point of each sample is kept, the last one included, and a sample that reaches its goal leaves the batch (the original
 * takes the last point); α scales with ε (the original: .01 at ε = .3, which is 1.33 / steps).
 */
export const pgd = defineAttack<DifferentiableModel, PgdOptions>({
  name: "pgd",
  title: "projected gradient descent",
  paper: "https://arxiv.org/abs/1706.06083",
  norms: ["linf", "l2", "l1"],
  aim: "within-epsilon",
  needs: "gradient",
  defaults: {
    steps: STEPS,
    stepSize: `${2.5 / STEPS}eps`,
    restarts: 1,
    randomStart: true,
    loss: "cross-entropy",
    momentum: 0,
    optimizer: "sgd",
    l1Step: "sparse",
    stopAtSuccess: true,
  },
  choices: { loss: ATTACK_LOSSES, optimizer: OPTIMIZERS, l1Step: L1_STEPS },
  about: {
    ...aboutAscent("stepSize", "restarts", "randomStart", "loss", "momentum", "optimizer", "l1Step", "stopAtSuccess"),
    steps: "gradient steps of each restart",
  },
  propose: (task, options) => ascent(task, { ...options, nesterov: false, firstOrder: true }),
});
