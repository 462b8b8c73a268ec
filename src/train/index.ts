import { adam } from "./adam.ts";
import { sgd } from "./sgd.ts";

/** Optimizers by name. */
export const optimizers = { adam, sgd } as const;
export type OptimizerName = keyof typeof optimizers;
