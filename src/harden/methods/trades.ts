import { defineMethod, type InnerTask, type TrainingNorm } from "../../harden.ts";
import { type FloatTensor, sampleSize } from "../../tensor.ts";
import { type ClimbOptions, climb } from "../inner/climb.ts";
import { crossEntropy, divergence } from "./losses.ts";
import { atOnce, type Rise, riseAbout, risen } from "./rise.ts";

export interface TradesOptions extends ClimbOptions, Rise {
  readonly beta: number;
}

/** Of the normal noise that the climb starts with: at x itself the divergence has no gradient. */
const START = 0.001;

/**
 * TRADES (Zhang et al. 2019, eq. 5 and algorithm 1): cross-entropy at x, plus β times KL(f(x) ‖ f(x')), where x' climbs that divergence from
 * x + 0.001·N(0, 1). β (their 1/λ) trades clean accuracy for robustness; the gradient flows through both sides, as in the authors' code.
 * Defaults: 10 steps of ε/4, β = 6, as for CIFAR-10.
 */
export const trades = defineMethod<TradesOptions, TrainingNorm>({
  name: "trades",
  title: "TRADES",
  passes: "steps + 2",
  paper: "https://arxiv.org/abs/1901.08573",
  norms: ["linf", "l2", "l1"],
  defaults: { beta: 6, steps: 10, stepSize: "0.25eps", ...atOnce },
  about: {
    beta: "weight of the divergence between the answers at x and at x'",
    steps: "gradient steps of the inner attack",
    stepSize: { length: "of a step" },
    ...riseAbout,
  },
  asks: ["clean", "adversarial"],
  epsilon: ({ progress, epsilon }, rise) => epsilon * risen("trades", progress, rise),
  async attack(task, options) {
    const reference = await task.model.logits(task.x);
    return climb(task, options, normalStart(task), (points) => task.model.divergence(points, reference));
  },
  loss: ({ b, clean, adversarial, labels }, { beta }) =>
    b.plus(crossEntropy(b, clean, labels), b.mul(b.scalar(beta, clean), divergence(b, clean, adversarial))),
});

function normalStart({ x, random }: InnerTask): FloatTensor {
  const size = sampleSize(x);
  const data = new Float32Array(x.data.length);
  for (let i = 0; i < x.dims[0]!; i++) {
    const draws = random(i);
    for (let j = i * size; j < (i + 1) * size; j++) data[j] = x.data[j]! + START * draws.normal();
  }
  return { ...x, data };
}
