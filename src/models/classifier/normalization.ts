import type { ChannelOrder, Normalization } from "./preprocess.ts";

/** Scale, mean, standard deviation and order of channels, any of which may be left out; undefined where all are. */
export function normalizationOf({ mean, std, scale, channels }: NormalizationGiven): Normalization | undefined {
  if (!mean && !std && scale === undefined && channels === undefined) return undefined;
  return {
    mean: mean ?? [0],
    std: std ?? [1],
    ...(scale !== undefined && { scale }),
    ...(channels !== undefined && { channels }),
  };
}

interface NormalizationGiven {
  readonly mean?: readonly number[] | undefined;
  readonly std?: readonly number[] | undefined;
  readonly scale?: number | undefined;
  readonly channels?: ChannelOrder | undefined;
}
