import { defineAttack } from "../../attack.ts";
import type { DifferentiableModel } from "../../model.ts";
import { l2 } from "../../norm.ts";
import { aboutPrimalDual, PRIMAL_DUAL, type PrimalDualOptions, primalDual } from "./primal-dual/descent.ts";

export type PdgdOptions = PrimalDualOptions;

/**
 * Primal-dual gradient descent (Matyasko and Chau 2021): steps down the gradient of λ₁‖d‖₂ + λ₂ log(1 + exp(-J)), whose weights are learned at
 * the same time. Differences: those of `pdpgd`.
 */
export const pdgd = defineAttack<DifferentiableModel, PdgdOptions>({
  name: "pdgd",
  title: "primal-dual gradient descent",
  paper: "https://arxiv.org/abs/2106.01538",
  norms: ["l2"],
  aim: "least-change",
  needs: "gradient",
  defaults: { ...PRIMAL_DUAL, stepSize: 0.3 },
  about: aboutPrimalDual,
  propose: async (task, options) => (await primalDual(task, options, { pull })).candidates(),
});

/** ∇‖d‖₂ = d / ‖d‖₂, and nothing at 0. */
function pull(slope: Float32Array, d: Float32Array, weight: number): void {
  const scale = weight / (l2.length(d) || 1);
  for (let j = 0; j < d.length; j++) slope[j]! -= scale * d[j]!;
}
