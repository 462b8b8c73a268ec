import type { Dataset } from "../dataset.ts";
import type { FloatTensor } from "../tensor.ts";

/** A data set whose samples may have several labels. Their classes, which say nothing, are no ground for a draw. */
export function ofSets(dataset: Dataset, labelSets: FloatTensor): Dataset {
  const { labels, ...rest } = dataset;
  return labels ? { ...rest, labelSets } : { ...dataset, labelSets };
}
