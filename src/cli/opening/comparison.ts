import { attacks } from "../../attacks/index.ts";
import type { TrainingNorm } from "../../harden.ts";

/** Shares of the ε trained for at which both models are attacked. */
const SHARES = [0.25, 0.5, 0.75, 1];

/** What a model is asked before and after it was hardened. */
export const comparisonOptions = ({
  norm,
  eps,
  seed,
  certify,
}: {
  readonly norm: TrainingNorm;
  readonly eps: number;
  readonly seed: number;
  readonly certify?: true | undefined;
}) => ({
  attacks: [attacks.pgd] as const,
  norm,
  epsilons: SHARES.map((share) => share * eps),
  seed,
  // Only whether the ε asked about are proven: no search for the largest one.
  ...(certify && { certify: { largest: false } }),
});
