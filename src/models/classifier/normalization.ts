import type { Normalization } from "./preprocess.ts";

/** Mean and standard deviation, either of which may be left out; undefined where both are. */
export const normalizationOf = ({ mean, std }: NormalizationGiven): Normalization | undefined =>
  mean || std ? { mean: mean ?? [0], std: std ?? [1] } : undefined;

interface NormalizationGiven {
  readonly mean?: readonly number[] | undefined;
  readonly std?: readonly number[] | undefined;
}
