import { PerturbError } from "../../errors.ts";
import type { FloatTensor } from "../../tensor.ts";

/** More than Newton and halving need from 1 to any temperature that float32 holds. */
const MOST_STEPS = 300;

/**
 * The temperature T at which softmax(z / T) has the least mean cross-entropy with the labels (Guo et al. 2017,
 * https://arxiv.org/abs/1706.04599, §4.2). In 1/T the loss is convex: Newton's method in float64, which halves the interval that holds the
 * minimum where a step would leave it.
 * @param logits [n, classes], finite
 * @param labels [n], from 0
 * @throws unsupported where there is no minimum: for logits that are always right, and for those that are no better than chance
 */
export function fitTemperature({ data, dims }: FloatTensor, labels: Int32Array): number {
  const classes = dims[1]!;
  const behind = behindLargest(data, classes);
  const at = (inverse: number) => derivatives(behind, classes, labels, inverse);
  if (!(at(0).slope < 0))
    throw new PerturbError(
      "unsupported",
      "The logits are no better than chance on the samples to fit, so that the best temperature would be infinite. Check that labels and model belong together.",
    );
  if (labels.every((label, i) => behind[i * classes + label] === 0))
    throw new PerturbError(
      "unsupported",
      `All ${labels.length} samples to fit are classified correctly, so that the cross-entropy falls for ever as the temperature falls to 0, and no temperature is the best. Give samples that were not trained on, or more of them.`,
      { data: { samples: labels.length } },
    );
  let [low, high, inverse] = [0, Number.POSITIVE_INFINITY, 1];
  for (let step = 0; step < MOST_STEPS; step++) {
    const { slope, curvature } = at(inverse);
    if (slope < 0) low = inverse;
    else high = inverse;
    const newton = inverse - slope / curvature;
    const next =
      newton > low && newton < high ? newton : high === Number.POSITIVE_INFINITY ? 2 * low : (low + high) / 2;
    if (Math.abs(next - inverse) <= 1e-15 * inverse) break;
    inverse = next;
  }
  return 1 / inverse;
}

/** z_j - max z, row by row. */
function behindLargest(data: Float32Array, classes: number): Float64Array {
  const behind = Float64Array.from(data);
  for (let from = 0; from < behind.length; from += classes) {
    const row = behind.subarray(from, from + classes);
    const most = row.reduce((a, b) => Math.max(a, b));
    for (let j = 0; j < classes; j++) row[j]! -= most;
  }
  return behind;
}

/** Of the mean cross-entropy by 1/T: E[z] - z_y, and the variance of z, both under softmax(z / T). */
function derivatives(behind: Float64Array, classes: number, labels: Int32Array, inverse: number) {
  let [slope, curvature] = [0, 0];
  for (let i = 0; i < labels.length; i++) {
    const row = behind.subarray(i * classes, (i + 1) * classes);
    let [sum, first, second] = [0, 0, 0];
    for (const z of row) {
      const weight = Math.exp(z * inverse);
      sum += weight;
      first += weight * z;
      second += weight * z * z;
    }
    const mean = first / sum;
    slope += mean - row[labels[i]!]!;
    curvature += second / sum - mean * mean;
  }
  return { slope: slope / labels.length, curvature: curvature / labels.length };
}
