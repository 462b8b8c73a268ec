import type { Optimizer } from "../train.ts";

export interface SgdOptions {
  /** Share of the last change that is kept. */
  readonly momentum: number;
  /** Times the parameters, added to the gradient (L2). */
  readonly weightDecay: number;
}

/**
 * Stochastic gradient descent with momentum (Polyak 1964), as torch.optim.SGD: v ← μ·v + g, θ ← θ - rate·v, without
 * dampening.
 */
export function sgd({ momentum = 0.9, weightDecay = 0 }: Partial<SgdOptions> = {}): Optimizer {
  return {
    name: "sgd",
    paper: "https://doi.org/10.1016/0041-5553(64)90137-5",
    state: ["velocity"],
    scalars: (_, rate) => ({ rate }),
    update({ b, parameters, gradient, state, scalars }) {
      const times = (value: string, factor: number) => b.mul(value, b.scalar(factor, value));
      const g = weightDecay === 0 ? gradient : b.plus(gradient, times(parameters, weightDecay));
      const velocity = b.plus(times(state["velocity"]!, momentum), g);
      return { parameters: b.sub(parameters, b.mul(velocity, scalars["rate"]!)), state: { velocity } };
    },
  };
}
