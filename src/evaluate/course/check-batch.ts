import type { Batch } from "../../dataset.ts";
import { PerturbError } from "../../errors.ts";
import type { Model } from "../../model.ts";
import { option } from "../../option.ts";
import { sampleSize } from "../../tensor.ts";

/** Index of the first value outside the bounds, NaN included; -1 where there is none. */
function firstOutside(values: Float32Array, { lower, upper }: Model["bounds"]): number {
  for (let i = 0; i < values.length; i++) if (!(values[i]! >= lower && values[i]! <= upper)) return i;
  return -1;
}

/** @throws out-of-bounds, mismatch: a model must not be measured on data that it cannot mean */
export function checkBatch({ bounds, classes, name }: Model, { x, labels, indices }: Batch): void {
  const size = sampleSize(x);
  const bad = firstOutside(x.data, bounds);
  if (bad >= 0)
    throw new PerturbError(
      "out-of-bounds",
      `Sample ${indices[Math.floor(bad / size)]} holds the value ${x.data[bad]}, outside the model's bounds [${bounds.lower}, ${bounds.upper}]. For pixels, give 0 to 1 and leave normalization to ${option("normalization.mean")} and ${option("normalization.std")}; for values that are no pixels, give their bounds (${option("bounds")}).`,
      { data: { sample: indices[Math.floor(bad / size)], value: x.data[bad], bounds } },
    );
  const wrong = labels.findIndex((label) => label < 0 || label >= classes);
  if (wrong >= 0)
    throw new PerturbError(
      "out-of-bounds",
      `Sample ${indices[wrong]} has the label ${labels[wrong]}, and ${name} has ${classes} classes (0 to ${classes - 1}). Check that data and model belong together.`,
      {
        data: { sample: indices[wrong], label: labels[wrong], classes },
      },
    );
}
