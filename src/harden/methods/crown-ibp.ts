import { defineMethod } from "../../harden.ts";
import { type Length, lengthAt } from "../../length.ts";
import { crossEntropy } from "./losses.ts";
import { checkShares, type Rise, riseAbout, risen } from "./rise.ts";

export interface CrownIbpOptions extends Rise {
  readonly kappa: number;
  readonly betaStart: number;
  readonly beta: number;
  readonly radius: Length;
}

/**
 * CROWN-IBP (Zhang et al. 2020, §3): κ·CE(z, y) + (1 - κ)·CE(-((1 - β)·m_IBP + β·m_CROWN-IBP), y), where m are lower bounds of the margins z_y - z_k,
 * by intervals, and by lines from the margins back to the input that have their slopes by intervals. Lines are tighter where ε is small, and keep
 * the training from the start from collapsing. While ε rises, κ falls from 1 and β goes from its start to its end, along lines. With β = 0 in
 * the end, as the authors have it on MNIST, what remains is training with intervals.
 */
export const crownIbp = defineMethod<CrownIbpOptions, "linf">({
  name: "crown-ibp",
  title: "training for proofs, with lines that give way to intervals",
  passes: "about 3 + classes",
  paper: "https://arxiv.org/abs/1906.06316",
  norms: ["linf"],
  defaults: { kappa: 0.5, betaStart: 1, beta: 0, warmup: 0.05, ramp: 0.5, radius: "1eps" },
  about: {
    kappa: "weight of the cross-entropy at the samples, in the end (κ)",
    betaStart: "weight of lines beside intervals, in the beginning",
    beta: "the same in the end (β)",
    ...riseAbout,
    radius: { length: "that ε rises to, in the training" },
  },
  asks: ["clean", "bounds"],
  certifies: "lines",
  vanishing: ["beta"],
  scalars({ progress, epsilon }, { kappa, betaStart, beta, radius, ...rise }) {
    checkShares("crown-ibp", { kappa, betaStart, beta });
    const share = risen("crown-ibp", progress, rise);
    const towards = (start: number, end: number) => start + share * (end - start);
    return { radius: share * lengthAt(radius, epsilon), kappa: towards(1, kappa), beta: towards(betaStart, beta) };
  },
  loss({ b, clean, labels, scalar, isVanished, margins, lines }) {
    const [kappa, radius] = [scalar("kappa"), scalar("radius")];
    const others = (share: string) => b.sub(b.scalar(1, share), share);
    const between = (share: string, one: string, other: string) =>
      b.plus(b.mul(share, one), b.mul(others(share), other));
    const intervals = margins(radius);
    const worst = isVanished ? intervals : between(scalar("beta"), lines(radius), intervals);
    return between(kappa, crossEntropy(b, clean, labels), crossEntropy(b, worst, labels));
  },
});
