/** Seed, sample, stream and step: each that differs in one from the first, a seed also in its upper half. */
export const RANDOM_KEYS = [
  [0, 0, 0, 0],
  [1, 0, 0, 0],
  [2 ** 32, 0, 0, 0],
  [0, 1, 0, 0],
  [0, 0, 1, 0],
  [0, 0, 0, 1],
] as const;
