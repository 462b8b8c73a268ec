import { PerturbError } from "../../errors.ts";
import { defineMethod, type InnerTask } from "../../harden.ts";
import { type Length, lengthAt } from "../../length.ts";
import type { FloatTensor } from "../../tensor.ts";
import { ofCrossEntropy, uniformNoise } from "../inner/climb.ts";
import { labelSmoothing, type Smoothing, smoothedCrossEntropy } from "./losses.ts";
import { atOnce, type Rise, riseAbout, risen } from "./rise.ts";

export interface NFgsmOptions extends Smoothing, Rise {
  readonly noise: Length;
  readonly stepSize: Length;
}

/**
 * N-FGSM (de Jorge et al. 2022, algorithm 1): noise η drawn uniformly from ±k, by default k = 2 ε, then one step of α = ε along the sign of
 * the gradient at x + η. What comes out is clipped to the bounds, and not to the ball: that keeps one-step training from overfitting.
 */
export const nFgsm = defineMethod<NFgsmOptions, "linf">({
  name: "n-fgsm",
  title: "FGSM with noise beyond the ball",
  passes: "2",
  paper: "https://arxiv.org/abs/2202.01181",
  norms: ["linf"],
  defaults: { noise: "2eps", stepSize: "1eps", labelSmoothing: 0, ...atOnce },
  about: { noise: { length: "of the noise" }, stepSize: { length: "of the step" }, labelSmoothing, ...riseAbout },
  asks: ["adversarial"],
  epsilon: ({ progress, epsilon }, rise) => epsilon * risen("n-fgsm", progress, rise),
  attack,
  loss: ({ b, adversarial, labels }, options) => smoothedCrossEntropy(b, adversarial, labels, options.labelSmoothing),
});

async function attack(task: InnerTask, { noise, stepSize }: NFgsmOptions): Promise<FloatTensor> {
  const { x, epsilon, random, model } = task;
  if (!(lengthAt(noise, epsilon) >= 0))
    throw new PerturbError("usage", `n-fgsm.noise must be at least 0, got ${noise}.`);
  const { lower, upper } = model.bounds;
  const [width, step] = [lengthAt(noise, epsilon), Math.fround(lengthAt(stepSize, epsilon))];
  const eta = uniformNoise(x, width, random);
  const inside = (v: number): number => (v < lower ? lower : v > upper ? upper : v);
  const noisy: FloatTensor = { ...x, data: x.data.map((v, j) => inside(v + eta[j]!)) };
  const { data: gradient } = await ofCrossEntropy(task)(noisy);
  const sign = (g: number): number => (g > 0 ? 1 : g < 0 ? -1 : 0);
  return { ...x, data: x.data.map((v, j) => inside(v + Math.fround(eta[j]! + step * sign(gradient[j]!)))) };
}
