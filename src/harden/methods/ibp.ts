import { PerturbError } from "../../errors.ts";
import { defineMethod } from "../../harden.ts";
import { type Length, lengthAt } from "../../length.ts";
import { crossEntropy } from "./losses.ts";
import { checkShares, type Rise, riseAbout, risen } from "./rise.ts";

export interface IbpOptions extends Rise {
  readonly kappa: number;
  readonly radius: Length;
}

/**
 * Training for proofs with interval bounds (Gowal et al. 2018, eq. 12): κ·CE(z, y) + (1 - κ)·CE(ẑ, y), where ẑ holds the worst logits that the
 * intervals of the ball allow: what is small for ẑ is certified. Both numbers change with the training (§4): for `warmup` of it ε is 0 and κ is 1;
 * for `ramp` of it ε rises to its radius and κ falls to its end, along a line; then they stay. A radius above ε leaves some room.
 */
export const ibp = defineMethod<IbpOptions, "linf">({
  name: "ibp",
  title: "training for proofs, with interval bounds",
  passes: "3",
  paper: "https://arxiv.org/abs/1810.12715",
  norms: ["linf"],
  defaults: { kappa: 0.5, warmup: 0.05, ramp: 0.5, radius: "1eps" },
  about: {
    kappa: "weight of the cross-entropy at the samples, in the end (κ)",
    ...riseAbout,
    radius: { length: "that ε rises to, in the training" },
  },
  asks: ["clean", "bounds"],
  certifies: "intervals",
  scalars({ progress, epsilon }, { kappa, radius, ...rise }) {
    checkShares("ibp", { kappa });
    const share = risen("ibp", progress, rise);
    const whole = lengthAt(radius, epsilon);
    if (!(whole > 0)) throw new PerturbError("usage", `ibp.radius must be above 0, got ${radius}.`);
    return { radius: share * whole, kappa: 1 - share * (1 - kappa) };
  },
  loss({ b, clean, labels, scalar, margins }) {
    const kappa = scalar("kappa");
    const worst = crossEntropy(b, margins(scalar("radius")), labels);
    const rest = b.sub(b.scalar(1, kappa), kappa);
    return b.plus(b.mul(kappa, crossEntropy(b, clean, labels)), b.mul(rest, worst));
  },
});
