import { defineAttack } from "../../attack.ts";
import type { DifferentiableModel } from "../../model.ts";
import { type AscentOptions, aboutAscent, ascent } from "../steps/ascent.ts";
import { ATTACK_LOSSES } from "../steps/losses.ts";

export type RFgsmOptions = Pick<AscentOptions, "stepSize" | "restarts" | "loss">;

/**
 * FGSM with a random start (Wong, Rice and Kolter 2020, "fast is better than free", algorithm 3): δ drawn uniformly from the
 * ball, then one step δ ← clip(δ + α·sign(∇J)). Default: α = 1.25 ε (§4.1), one start. It is an attack to train against; the
 * R+FGSM of Tramèr et al. 2018, which starts at a random corner of a smaller ball, is another.
 *
 * Differences: L2 and L1; the random point itself is a candidate too, and the pixels of x + δ are clipped to the bounds
 * before the gradient is taken, not after it.
 */
export const rFgsm = defineAttack<DifferentiableModel, RFgsmOptions>({
  name: "r-fgsm",
  title: "FGSM from a random start",
  paper: "https://arxiv.org/abs/2001.03994",
  norms: ["linf", "l2", "l1"],
  aim: "within-epsilon",
  needs: "gradient",
  defaults: { stepSize: "1.25eps", restarts: 1, loss: "cross-entropy" },
  choices: { loss: ATTACK_LOSSES },
  about: aboutAscent("stepSize", "restarts", "loss"),
  propose: (task, options) =>
    ascent(task, {
      ...options,
      steps: 1,
      randomStart: true,
      momentum: 0,
      nesterov: false,
      firstOrder: false,
      optimizer: "sgd",
      stopAtSuccess: true,
    }),
});
