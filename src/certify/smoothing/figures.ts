import { ABSTAINS, type SmoothedSample } from "./certify.ts";

/** What a set of certificates amounts to. */
export interface SmoothingFigures {
  readonly samples: number;
  readonly abstained: number;
  /** The average certified radius: of each sample its radius, or 0 where its class is not the label (Zhai et al. 2020, https://arxiv.org/abs/2001.02378, eq. 3). */
  readonly averageRadius: number;
  /** The share of samples whose class is the label, and stays so within each radius. */
  readonly certified: readonly CertifiedShare[];
}

export interface CertifiedShare {
  readonly radius: number;
  readonly correct: number;
  readonly accuracy: number;
}

/** A sample as figures need it. */
export type Certificate = Pick<SmoothedSample, "class" | "label" | "radius">;

const isCorrect = ({ class: c, label }: Certificate): boolean => c !== ABSTAINS && c === label;

/** @param radii by default 0, 0.25, 0.5 … up to the first that no sample reaches */
export function smoothingFigures(samples: readonly Certificate[], radii?: readonly number[]): SmoothingFigures {
  const correct = samples.filter(isCorrect);
  const share = (radius: number): CertifiedShare => {
    const count = correct.filter((sample) => sample.radius >= radius).length;
    return { radius, correct: count, accuracy: samples.length === 0 ? 0 : count / samples.length };
  };
  return {
    samples: samples.length,
    abstained: samples.filter((sample) => sample.class === ABSTAINS).length,
    averageRadius: correct.reduce((sum, { radius }) => sum + radius, 0) / Math.max(1, samples.length),
    certified: (radii ?? stepsUpTo(correct.reduce((most, { radius }) => Math.max(most, radius), 0))).map(share),
  };
}

const STEP = 0.25;

const stepsUpTo = (largest: number): number[] =>
  Array.from({ length: Math.floor(largest / STEP) + 2 }, (_, i) => i * STEP);
