import { checkCount, PerturbError } from "../../errors.ts";
import { type Note, option } from "../../option.ts";
import { clopperPearsonLower } from "../../probability/binomial.ts";
import { normalQuantile } from "../../probability/normal.ts";

/** How a classifier is smoothed, and how much is drawn to prove something of it. */
export interface SmoothingOptions {
  /** σ: the standard deviation of the noise, in units of the input. Noise is float32, and σ is rounded to it. */
  readonly sigma: number;
  /** n₀: draws that choose the class, by default 100. */
  readonly selection?: number | undefined;
  /** n: further draws that bound its probability, by default 100,000. */
  readonly draws?: number | undefined;
  /** α: the probability at which what is said of a sample may be wrong, by default 0.001. */
  readonly alpha?: number | undefined;
  /** By default 0. */
  readonly seed?: number | undefined;
}

/** The same with all values. */
export interface SmoothingPlan {
  readonly sigma: number;
  readonly selection: number;
  readonly draws: number;
  readonly alpha: number;
  readonly seed: number;
}

/** Φ(1): the probability behind a radius of σ. */
const AT_ONE_SIGMA = 0.8413447460685429;
/** Draws are counted by 32 bits. */
const MOST_DRAWS = 2 ** 31 - 1;

/** @throws usage for values that are not allowed, and for so few draws that not even agreement of all of them proves anything */
export function smoothingPlan(options: SmoothingOptions): SmoothingPlan {
  const { selection = 100, draws = 100_000, alpha = 0.001, seed = 0 } = options;
  const sigma = Math.fround(options.sigma);
  if (!(sigma > 0 && Number.isFinite(sigma)))
    throw new PerturbError(
      "usage",
      `The standard deviation of the noise (${option("sigma")}) must be a number above 0 that float32 can hold, got ${options.sigma}.`,
    );
  for (const [name, value] of [["selection", selection] as const, ["draws", draws] as const]) {
    checkCount(`The number of draws (${option(name)})`, value);
    if (value > MOST_DRAWS)
      throw new PerturbError(
        "usage",
        `There are at most ${MOST_DRAWS} draws for a sample, got ${option(name, value)}.`,
      );
  }
  if (!(alpha > 0 && alpha < 1))
    throw new PerturbError(
      "usage",
      `The probability of an error (${option("alpha")}) lies between 0 and 1, got ${alpha}.`,
    );
  if (!(Number.isSafeInteger(seed) && seed >= 0))
    throw new PerturbError("usage", `${option("seed")} must be a whole number from 0, got ${seed}.`);
  const plan = { sigma, selection, draws, alpha, seed };
  if (largestRadius(plan) === 0)
    throw new PerturbError(
      "usage",
      `With ${option("draws", draws)} and ${option("alpha", alpha)} nothing can be certified: where all draws agree, the bound of their probability is ${(alpha ** (1 / draws)).toPrecision(3)}, not above 1/2. Take ${option("draws")} of at least ${drawsFor(AT_ONE_SIGMA, alpha)}, with which a radius of σ can be reached.`,
      { data: { draws, alpha } },
    );
  return plan;
}

/** σ Φ⁻¹(p̲), the radius within which no class but that of probability p̲ or more can win (Cohen et al. 2019, eq. 5); 0 below 1/2. */
export const radiusOf = (lower: number, sigma: number): number => (lower > 0.5 ? sigma * normalQuantile(lower) : 0);

/** The radius of a sample all of whose draws agree, σ Φ⁻¹(α^(1/n)): no sample has a larger one. */
export const largestRadius = ({ sigma, draws, alpha }: SmoothingPlan): number =>
  radiusOf(clopperPearsonLower(draws, draws, alpha), sigma);

/** The fewest draws whose bound can reach a probability. */
const drawsFor = (probability: number, alpha: number): number => Math.ceil(Math.log(alpha) / Math.log(probability));

/** What these draws can reach, in words, before they are drawn. */
export function reachInWords(plan: SmoothingPlan): string {
  const { sigma, draws, alpha } = plan;
  return `${draws} draws at α = ${alpha} can certify a radius of at most ${largestRadius(plan).toPrecision(4)} in L2, with noise of σ = ${Number(sigma.toPrecision(7))}`;
}

/** Where the draws are so few that hardly any sample can be certified. */
export function fewDraws(plan: SmoothingPlan): Note | null {
  const { sigma, draws, alpha } = plan;
  if (largestRadius(plan) >= sigma) return null;
  return {
    code: "few-draws",
    message: `With ${option("draws", draws)} and ${option("alpha", alpha)} almost nothing can be certified: no radius is above ${largestRadius(plan).toPrecision(3)}, and a sample gets one only where nearly all draws agree. ${option("draws", drawsFor(AT_ONE_SIGMA, alpha))} can reach a radius of σ, and papers take 100000.`,
  };
}
