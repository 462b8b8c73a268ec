import { PerturbError } from "../../errors.ts";
import { tensor } from "../../tensor.ts";
import type { CleanOutputs, Detector } from "../detector.ts";

/** Added to the covariance, as a share of its mean variance: logits that depend on each other would leave it without an inverse. */
const RIDGE = 1e-6;

/**
 * The Mahalanobis distance of Lee et al. (2018, eq. 2) on logits: min over the classes of (z - μ_c)ᵀ Σ⁻¹ (z - μ_c), with the means μ_c of clean samples by
 * label, and the covariance Σ around them that all classes share. Differences from the paper: of the last layer alone, without noise on its input, and
 * Σ gets a ridge of 1e-6 of its mean variance. Classes without samples have no mean.
 */
export const logitDistance: Detector = {
  name: "logits",
  title: "Mahalanobis distance on logits",
  paper: "https://arxiv.org/abs/1807.03888",
  settings: [],
  fit(_, clean) {
    const classes = clean.logits.dims[1]!;
    const { centre, means, whitening } = whitened(clean);
    return ({ b, logits }) => {
      const of = (dims: readonly number[], values: Iterable<number>) =>
        b.constant(tensor("float32", dims, Float32Array.from(values)));
      // Around the common mean, float32 keeps more digits.
      const apart = b.matmul(b.sub(logits, of([1, classes], centre)), of([classes, classes], whitening));
      const differences = b.sub(
        b.unsqueeze(apart, [1]),
        of(
          [1, means.length, classes],
          means.flatMap((m) => [...m]),
        ),
      );
      const distances = b.reduceSum(b.mul(differences, differences), [2], false);
      return b.neg(b.reduceMax(b.neg(distances), [1], false));
    };
  },
};

/** In float64: the mean of all, the means of classes around it, whitened, and L⁻ᵀ of Σ = L Lᵀ, row by row. @throws usage */
function whitened({ logits: { data, dims }, labels }: CleanOutputs) {
  const size = dims[1]!;
  const row = (i: number): Float32Array => data.subarray(i * size, (i + 1) * size);
  const meanOf = (rows: readonly number[]): number[] =>
    Array.from({ length: size }, (_, j) => rows.reduce((sum, i) => sum + row(i)[j]!, 0) / rows.length);
  const groups = new Map<number, number[]>();
  for (const label of new Set(labels))
    groups.set(
      label,
      [...labels.keys()].filter((i) => labels[i] === label),
    );
  const means = new Map([...groups].map(([label, rows]) => [label, meanOf(rows)]));
  const covariance = Array.from({ length: size }, () => new Float64Array(size));
  for (const [label, rows] of groups)
    for (const i of rows) {
      const apart = means.get(label)!.map((mean, j) => row(i)[j]! - mean);
      for (let j = 0; j < size; j++)
        for (let k = 0; k <= j; k++) covariance[j]![k]! += (apart[j]! * apart[k]!) / labels.length;
    }
  const variance = covariance.reduce((sum, line, j) => sum + line[j]!, 0) / size;
  if (!(variance > 0))
    throw new PerturbError(
      "usage",
      "All samples of a class have the same logits, so that no distance can be learned from them. Give other samples to fit.",
    );
  for (const [j, line] of covariance.entries()) line[j]! += RIDGE * variance;
  const inverse = inverseOfRoot(covariance);
  const centre = meanOf([...labels.keys()]);
  const apply = (values: readonly number[]): number[] =>
    inverse.map((line) => line.reduce((sum, weight, k) => sum + weight * (values[k]! - centre[k]!), 0));
  return {
    centre,
    means: [...groups.keys()].toSorted((a, b) => a - b).map((label) => apply(means.get(label)!)),
    // Transposed, for samples are rows.
    whitening: Array.from({ length: size * size }, (_, i) => inverse[i % size]![Math.floor(i / size)]!),
  };
}

/** L⁻¹ of the Cholesky factor L, of the lower half of a positive definite matrix. */
function inverseOfRoot(matrix: readonly Float64Array[]): Float64Array[] {
  const size = matrix.length;
  const root = matrix.map(() => new Float64Array(size));
  const inverse = matrix.map(() => new Float64Array(size));
  for (let j = 0; j < size; j++) {
    for (let k = 0; k <= j; k++) {
      let rest = matrix[j]![k]!;
      for (let i = 0; i < k; i++) rest -= root[j]![i]! * root[k]![i]!;
      root[j]![k] = j === k ? Math.sqrt(rest) : rest / root[k]![k]!;
    }
    for (let k = 0; k <= j; k++) {
      let rest = Number(j === k);
      for (let i = k; i < j; i++) rest -= root[j]![i]! * inverse[i]![k]!;
      inverse[j]![k] = rest / root[j]![j]!;
    }
  }
  return inverse;
}
