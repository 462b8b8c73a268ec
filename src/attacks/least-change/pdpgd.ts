import { defineAttack } from "../../attack.ts";
import type { DifferentiableModel } from "../../model.ts";
import { aboutPrimalDual, PRIMAL_DUAL, type PrimalDualOptions, primalDual } from "./primal-dual/descent.ts";
import { shrinkEach, shrinkLargest } from "./primal-dual/proximal.ts";

export type PdpgdOptions = PrimalDualOptions;

/**
 * Primal-dual proximal gradient descent (Matyasko and Chau 2021): a step on the loss, whose weight against the
 * distance is learned at the same time, and then the proximal operator of the distance, which has no gradient to follow.
 *
 * Differences: the weights' ratio moves by steps of one length, which the outcomes of all steps shorten where they change
 * about; the proximal operator is exact in the metric of the step, and the bounds come last. Defaults: measured on a network
 * whose gradients mislead (docs/strength.md).
 */
export const pdpgd = defineAttack<DifferentiableModel, PdpgdOptions>({
  name: "pdpgd",
  title: "primal-dual proximal gradient descent",
  paper: "https://arxiv.org/abs/2106.01538",
  norms: ["linf", "l1"],
  aim: "least-change",
  needs: "gradient",
  defaults: PRIMAL_DUAL,
  about: aboutPrimalDual,
  async propose(task, options) {
    const shrink = task.norm.name === "l1" ? shrinkEach : shrinkLargest;
    return (await primalDual(task, options, { shrink })).candidates();
  },
});
