import { defineAttack } from "../../attack.ts";
import type { DifferentiableModel } from "../../model.ts";
import { ascent } from "../steps/ascent.ts";
import { ATTACK_LOSSES } from "../steps/losses.ts";
import { type MiFgsmOptions, miFgsm } from "./mi-fgsm.ts";

/**
 * The Nesterov iterative method (Lin et al. 2020, §3.1, eq. 6 to 8): MI-FGSM with its gradient taken where momentum leads, at
 * x + α·μ·g. L∞ alone, as there. Defaults: 10 steps, α = ε / steps, μ = 1 (§4.1).
 *
 * Differences: those of MI-FGSM; and the point where the gradient is taken is brought back into the ball and the bounds
 * (the authors' code asks the model about pixels that no image has), so that it is a candidate too.
 */
export const niFgsm = defineAttack<DifferentiableModel, MiFgsmOptions>({
  name: "ni-fgsm",
  title: "Nesterov iterative FGSM",
  paper: "https://arxiv.org/abs/1908.06281",
  norms: ["linf"],
  aim: "within-epsilon",
  needs: "gradient",
  defaults: miFgsm.defaults,
  choices: { loss: ATTACK_LOSSES },
  about: miFgsm.about,
  propose: (task, options) =>
    ascent(task, { ...options, restarts: 1, randomStart: false, nesterov: true, firstOrder: false, optimizer: "sgd" }),
});
