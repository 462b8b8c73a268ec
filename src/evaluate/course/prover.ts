import type { Prover } from "../../certify/proving/prover.ts";
import type { Model } from "../../model.ts";
import { isGraphModel } from "../../models/classifier/graph-model.ts";
import type { BatchPlan } from "./batch.ts";

/** What proves for a plan, opened when it is first needed; undefined where the plan does not certify. */
export function lazyProver(model: Model, { certify, norm }: Pick<BatchPlan, "certify" | "norm">) {
  let opened: Promise<Prover> | undefined;
  return {
    async open(): Promise<Prover | undefined> {
      if (!certify || !isGraphModel(model)) return undefined;
      opened ??= import("../../certify/proving/prover.ts").then(({ openProver }) =>
        openProver(model, { splits: certify.splits, norm }),
      );
      return opened;
    },
    async close(): Promise<void> {
      await (await opened?.catch(() => undefined))?.release();
    },
  };
}
