import { defineMethod, type TrainingNorm } from "../../harden.ts";
import { type PgdTrainingOptions, pgd } from "./pgd.ts";

const { norms, asks, loss, defaults, about, attack, epsilon } = pgd;

export interface AwpOptions extends PgdTrainingOptions {
  readonly gamma: number;
}

/**
 * Adversarial weight perturbation on top of PGD training (Wu et al. 2020, algorithm 1): before the gradient is taken, each weight of two or
 * more axes moves up the loss by γ times its own length, w + γ·‖w‖·g/‖g‖; the step is then made from w itself. It flattens the loss around
 * the weights, which narrows the gap between training and test. Default γ = 0.005, as for CIFAR-10; the other options are those of pgd.
 */
export const awp = defineMethod<AwpOptions, TrainingNorm>({
  name: "awp",
  title: "PGD training with adversarial weights",
  passes: "steps + 2",
  paper: "https://arxiv.org/abs/2004.05884",
  norms,
  defaults: { ...defaults, gamma: 0.005 },
  about: { ...about, gamma: "how far the weights move up the loss, as a share of the length of each" },
  asks,
  ...(attack && { attack }),
  ...(epsilon && { epsilon }),
  loss,
  weightStep: ({ gamma }) => gamma,
});
