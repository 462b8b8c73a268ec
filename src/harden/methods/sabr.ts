import { PerturbError } from "../../errors.ts";
import { defineMethod } from "../../harden.ts";
import { type ClimbOptions, climb, ofCrossEntropy, uniformStart } from "../inner/climb.ts";
import { crossEntropy } from "./losses.ts";
import { type Rise, riseAbout, risen } from "./rise.ts";

export interface SabrOptions extends Rise, ClimbOptions {
  readonly box: number;
}

/** λ, of the ball. @throws usage unless it is above 0 and at most 1 */
function share(box: number): number {
  if (!(box > 0 && box <= 1)) throw new PerturbError("usage", `sabr.box is a share above 0, up to 1, got ${box}.`);
  return box;
}

/**
 * SABR (Müller et al. 2023, §3): the cross-entropy of the worst logits that intervals allow in a small box, of radius τ = λ·ε, around the point
 * of PGD in the ball of radius ε - τ: the box stays inside the ball of ε, and touches where the network is weakest. A small λ costs less clean
 * accuracy and leaves more to the proof, which then needs more than intervals; λ = 1 is training with intervals. While ε rises from 0, so does τ. PGD
 * has steps of one length here, a share of ε - τ; the authors shorten theirs after the fourth and the seventh.
 */
export const sabr = defineMethod<SabrOptions, "linf">({
  name: "sabr",
  title: "training for proofs, with a small box around an attack",
  passes: "steps + 2",
  paper: "https://arxiv.org/abs/2210.04871",
  norms: ["linf"],
  defaults: { box: 0.4, steps: 8, stepSize: "0.5eps", warmup: 0.05, ramp: 0.5 },
  about: {
    box: "radius of the box, as a share of ε (λ)",
    steps: "gradient steps of the inner attack",
    stepSize: { length: "of a step; as a part of ε, of what the box leaves of it" },
    ...riseAbout,
  },
  asks: ["adversarial", "bounds"],
  certifies: "lines",
  epsilon: ({ progress, epsilon }, rise) => epsilon * risen("sabr", progress, rise),
  scalars: ({ progress, epsilon }, { box, ...rise }) => ({
    radius: share(box) * epsilon * risen("sabr", progress, rise),
  }),
  attack(task, { box, ...options }) {
    const inner = { ...task, epsilon: task.epsilon * (1 - share(box)) };
    return climb(inner, options, uniformStart(inner), ofCrossEntropy(inner));
  },
  loss: ({ b, labels, scalar, margins }) => crossEntropy(b, margins(scalar("radius")), labels),
});
