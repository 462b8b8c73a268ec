/** Whether the scores of one sample are probabilities of classes, up to the rounding of their sum. */
export const isDistribution = (scores: Float32Array): boolean =>
  scores.every((p) => p >= 0 && p <= 1) && Math.abs(scores.reduce((sum, p) => sum + p, 0) - 1) <= 1e-4;
