import { evaluateBatch } from "../course/batch.ts";
import type { WorkPlace } from "../place.ts";

/** This thread: one batch after another. */
export const here: WorkPlace = {
  start: async ({ model, plan, ...context }) => ({
    concurrency: 1,
    run: (batch) => evaluateBatch(model, batch, plan, context),
    close: async () => undefined,
  }),
};
