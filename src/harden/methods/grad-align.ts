import { PerturbError } from "../../errors.ts";
import { defineMethod, type InnerTask, type LossContext } from "../../harden.ts";
import type { Length } from "../../length.ts";
import { tensor } from "../../tensor.ts";
import { climb, ofCrossEntropy, uniformNoise } from "../inner/climb.ts";
import { joined } from "../inner/copies.ts";
import { crossEntropy } from "./losses.ts";
import { atOnce, type Rise, riseAbout, risen } from "./rise.ts";

export interface GradAlignOptions extends Rise {
  readonly lambda: number;
  readonly stepSize: Length;
}

/** Points of a sample: itself, one drawn from the ball, and that of FGSM. */
const POINTS = 3;

/** The largest element of a gradient below which it points nowhere: float32 squares it to nothing. */
const LEAST = 1e-12;

/**
 * FGSM with aligned gradients (Andriushchenko and Flammarion 2020, eq. 4): the cross-entropy at the point of FGSM, one step of α = ε from the sample, plus λ times
 * 1 - cos(∇ₓ ℓ(x), ∇ₓ ℓ(x + η)), with η drawn uniformly from ±ε and not clipped to the bounds. Where gradients point the same way all over the ball, one step finds what many
 * find, and training does not overfit to it. The weights' gradient of a cosine of gradients takes second derivatives.
 */
export const gradAlign = defineMethod<GradAlignOptions, "linf">({
  name: "grad-align",
  title: "FGSM with gradients that stay aligned",
  passes: "about 7",
  paper: "https://arxiv.org/abs/2007.02617",
  norms: ["linf"],
  defaults: { lambda: 0.2, stepSize: "1eps", ...atOnce },
  about: { lambda: "weight of the misalignment (λ)", stepSize: { length: "of the step" }, ...riseAbout },
  asks: ["adversarial"],
  epsilon: ({ progress, epsilon }, rise) => epsilon * risen("grad-align", progress, rise),
  async attack(task, { stepSize }) {
    const attacked = await climb(task, { steps: 1, stepSize }, task.x, ofCrossEntropy(task));
    return joined([task.x, elsewhere(task), attacked]);
  },
  loss(context, { lambda }) {
    if (!(lambda >= 0)) throw new PerturbError("usage", `grad-align.lambda must be at least 0, got ${lambda}.`);
    const { b, adversarial, labels } = context;
    const losses = b.reshape(crossEntropy(b, adversarial, labels), [-1, POINTS]);
    const attacked = b.slice(losses, [1], [POINTS - 1], [POINTS]);
    const apart = misalignment(context);
    const whole = b.plus(attacked, b.mul(apart, b.scalar(lambda, apart)));
    // The mean over points is that over samples.
    const each = b.constant(tensor("float32", [1, POINTS], new Float32Array(POINTS).fill(1)));
    return b.reshape(b.mul(whole, each), [-1]);
  },
});

function elsewhere({ x, epsilon, random }: InnerTask) {
  const noise = uniformNoise(x, epsilon, random);
  return { ...x, data: x.data.map((v, j) => v + noise[j]!) };
}

/** 1 - cos of the gradients at the first two points, [n, 1]; 0 where one of them points nowhere. */
function misalignment({ b, inputGradient }: LossContext): string {
  const gradient = inputGradient();
  const size = b.sizes(gradient, 1).reduce((n, d) => n * d, 1);
  const all = b.reshape(gradient, [-1, POINTS, size]);
  const ofPoint = (i: number) => b.squeeze(b.slice(all, [1], [i], [i + 1]), [1]);
  const points = [ofPoint(0), ofPoint(1)];
  const largest = points.map((g) => b.reduceMax(b.add("Abs", [g]), [1], true));
  const isAbove = (value: string) => b.add("Greater", [value, b.scalar(LEAST, value)]);
  const isAlive = b.add("And", [isAbove(largest[0]!), isAbove(largest[1]!)]);
  const units = points.map((g, i) => {
    // Of the order of 1, and far from 0 where roots are taken.
    const scaled = b.div(g, b.where(isAlive, largest[i]!, b.scalar(1, g)));
    const safe = b.where(isAlive, scaled, b.scalar(1, g));
    return b.div(safe, b.add("Sqrt", [b.reduceSum(b.mul(safe, safe), [1], true)]));
  });
  const cosine = b.reduceSum(b.mul(units[0]!, units[1]!), [1], true);
  return b.sub(b.scalar(1, cosine), cosine);
}
