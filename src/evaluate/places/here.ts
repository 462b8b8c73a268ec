import { evaluateBatch } from "../course/batch.ts";
import { lazyProver } from "../course/prover.ts";
import type { WorkPlace } from "../place.ts";

/** This thread: one batch after another. */
export const here: WorkPlace = {
  async start({ model, plan, ...context }) {
    const prover = lazyProver(model, plan);
    return {
      concurrency: 1,
      run: async (batch) => evaluateBatch(model, batch, plan, { ...context, prover: await prover.open() }),
      close: () => prover.close(),
    };
  },
};
