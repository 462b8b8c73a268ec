import { defineMethod, type InnerTask } from "../../harden.ts";
import { type FloatTensor, sampleSize } from "../../tensor.ts";
import { type ClimbOptions, climb } from "../inner/climb.ts";
import { repeated } from "../inner/copies.ts";
import { checkNoise, type NoiseOptions, noiseAbout, noiseOf, withNoise } from "../inner/noise.ts";
import { crossEntropy } from "./losses.ts";
import { atOnce, type Rise, riseAbout, risen } from "./rise.ts";

export interface SmoothAdvOptions extends NoiseOptions, ClimbOptions, Rise {}

/**
 * SmoothAdv (Salman et al. 2019, §2.2 and pseudocode 1): x' climbs -log of the mean over draws δ of the probability of the label at x' + δ, which is an attack
 * on the smoothed classifier, from x inside the L2 ball of ε; the cross-entropy is taken at x' + δ, of the same draws. Defaults: 4 steps of ε/2 and 2
 * draws; the authors' steps are of 2ε/T, too.
 */
export const smoothAdv = defineMethod<SmoothAdvOptions, "l2">({
  name: "smooth-adv",
  title: "training against attacks on the smoothed classifier",
  passes: "draws·(steps + 1)",
  paper: "https://arxiv.org/abs/1906.04584",
  norms: ["l2"],
  defaults: { sigma: 0.25, draws: 2, steps: 4, stepSize: "0.5eps", ...atOnce },
  about: {
    ...noiseAbout,
    steps: "gradient steps of the inner attack",
    stepSize: { length: "of a step" },
    ...riseAbout,
  },
  asks: ["adversarial"],
  epsilon: ({ progress, epsilon }, rise) => epsilon * risen("smooth-adv", progress, rise),
  noise(options) {
    checkNoise("smooth-adv", options);
    return options.sigma;
  },
  async attack(task, options) {
    const noise = noiseOf(task, options);
    const points = await climb(task, options, { ...task.x, data: task.x.data.slice() }, ofSmoothed(task, noise));
    return withNoise(points, noise);
  },
  loss: ({ b, adversarial, labels }) => crossEntropy(b, adversarial, labels),
});

/** ∂/∂x of -log((1/m) Σ p_i): the gradients of -log p_i, each weighed by its share p_i / Σ p. */
function ofSmoothed({ model, labels, x }: InnerTask, noise: Float32Array) {
  const size = sampleSize(x);
  const draws = noise.length / x.data.length;
  const all = repeated(labels, draws);
  return async (points: FloatTensor): Promise<FloatTensor> => {
    const { loss, gradient } = await model.gradient(withNoise(points, noise), { kind: "untargeted", labels: all });
    const data = new Float32Array(x.data.length);
    for (let i = 0; i < labels.length; i++) {
      const losses = loss.data.subarray(i * draws, (i + 1) * draws);
      const least = losses.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
      const shares = Array.from(losses, (value) => Math.exp(least - value));
      const total = shares.reduce((a, b) => a + b, 0);
      for (const [k, share] of shares.entries()) {
        const from = (i * draws + k) * size;
        for (let j = 0; j < size; j++) data[i * size + j]! += (share / total) * gradient.data[from + j]!;
      }
    }
    return { ...x, data };
  };
}
