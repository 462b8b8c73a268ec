import { PerturbError } from "../../errors.ts";
import { sampleSize, type Tensor } from "../../tensor.ts";

/** The values of a tensor that belong to these samples. @throws mismatch for a sample that has none */
export function rowsOf(
  { values, name }: { readonly name: string; readonly values: Tensor },
  samples: Int32Array,
): Tensor {
  const size = sampleSize(values);
  const data = new (values.data.constructor as Float32ArrayConstructor)(samples.length * size);
  for (const [i, asked] of samples.entries()) {
    // Where a sample is learned from, its index is counted down from -1: see `examplesFor`.
    const sample = asked < 0 ? -1 - asked : asked;
    if (!(sample >= 0 && sample < values.dims[0]!))
      throw new PerturbError(
        "mismatch",
        `There are ${values.dims[0]} rows for the input "${name}", and none for sample ${sample}. Give as many rows as the data has samples.`,
      );
    data.set(values.data.subarray(sample * size, (sample + 1) * size) as Float32Array, i * size);
  }
  return { ...values, dims: [samples.length, ...values.dims.slice(1)], data };
}
