/** How well a score tells adversarial samples from clean ones. */
export interface DetectionFigures {
  /** Samples that are fooled: correct when clean, and of another class now. */
  readonly fooled: number;
  /** The probability that an adversarial sample has a higher score than a clean one, ties counted half; null where none is fooled. */
  readonly auroc: number | null;
  /** The share of the fooled whose score is above the threshold: that of a false positive rate of 1 %; null where none is fooled. */
  readonly tpr: number | null;
  /** Fooled, and with a score not above the threshold. */
  readonly undetected: number;
}

/** The share of clean samples that may be taken for adversarial ones. */
const FALSE_POSITIVES = 0.01;

/** The least threshold above which at most 1 % of the clean scores lie; of fewer than 100, none. */
export function thresholdOf(clean: Float64Array): number {
  return clean.toSorted().at(-1 - Math.floor(FALSE_POSITIVES * clean.length))!;
}

/** @param scores of the samples that are fooled */
export function detectionFigures(clean: Float64Array, scores: Float64Array, threshold: number): DetectionFigures {
  const fooled = scores.length;
  const detected = scores.filter((score) => score > threshold).length;
  return {
    fooled,
    auroc: fooled === 0 ? null : auroc(clean, scores),
    tpr: fooled === 0 ? null : detected / fooled,
    undetected: fooled - detected,
  };
}

/** The statistic of Mann and Whitney over the number of pairs. */
function auroc(clean: Float64Array, scores: Float64Array): number {
  const sorted = clean.toSorted();
  let above = 0;
  for (const score of scores) above += (placeOf(sorted, score, false) + placeOf(sorted, score, true)) / 2;
  return above / (clean.length * scores.length);
}

/** How many of rising values are below one, or not above it. */
function placeOf(rising: Float64Array, value: number, withEqual: boolean): number {
  let [low, high] = [0, rising.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rising[middle]! < value || (withEqual && rising[middle] === value)) low = middle + 1;
    else high = middle;
  }
  return low;
}
