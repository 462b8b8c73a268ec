import { adam } from "./adam.ts";
import { sgd } from "./sgd.ts";

/** Optimizers by name, each with a learning rate that suits networks and batches of common size. */
export const optimizers = {
  adam: { make: adam, rate: 2e-3 },
  sgd: { make: sgd, rate: 5e-2 },
} as const;
export type OptimizerName = keyof typeof optimizers;
