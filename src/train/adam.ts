import type { Optimizer } from "../train.ts";

export interface AdamOptions {
  /** Decay of the mean of gradients, and of the mean of their squares. */
  readonly betas: readonly [number, number];
  /** Added to the denominator. */
  readonly epsilon: number;
  /** Times the parameters, added to the gradient (L2, as torch.optim.Adam; not decoupled). */
  readonly weightDecay: number;
}

/**
 * Adam (Kingma and Ba 2015, Algorithm 1), as torch.optim.Adam. The corrections of both moments are folded into two
 * scalars, by the remark that ends the paper's section 2: the same update in fewer operations.
 */
export function adam({
  betas: [beta1, beta2] = [0.9, 0.999],
  epsilon = 1e-8,
  weightDecay = 0,
}: Partial<AdamOptions> = {}): Optimizer {
  return {
    name: "adam",
    paper: "https://arxiv.org/abs/1412.6980",
    state: ["mean", "square"],
    scalars(step, rate) {
      const root = Math.sqrt(1 - beta2 ** step);
      return { rate: (rate * root) / (1 - beta1 ** step), epsilon: epsilon * root };
    },
    update({ b, parameters, gradient, state, scalars }) {
      const times = (value: string, factor: number) => b.mul(value, b.scalar(factor, value));
      const g = weightDecay === 0 ? gradient : b.plus(gradient, times(parameters, weightDecay));
      const mean = b.plus(times(state["mean"]!, beta1), times(g, 1 - beta1));
      const square = b.plus(times(state["square"]!, beta2), times(b.mul(g, g), 1 - beta2));
      const denominator = b.plus(b.add("Sqrt", [square]), scalars["epsilon"]!);
      const change = b.mul(b.div(mean, denominator), scalars["rate"]!);
      return { parameters: b.sub(parameters, change), state: { mean, square } };
    },
  };
}
