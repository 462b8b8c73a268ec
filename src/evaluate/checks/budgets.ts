import { PerturbError } from "../../errors.ts";
import type { Model } from "../../model.ts";
import { l0Unit } from "../../norm.ts";
import { option } from "../../option.ts";
import type { BatchPlan } from "../course/batch.ts";

/** How much less than a step an ε may be by rounding alone: what the grid lets pass. */
const ROUNDING = 2 ** -23;

/**
 * Refuses an ε that lets nothing change: every sample would count as robust. Zero is the clean accuracy, and is asked for as such.
 * @throws usage
 */
export function checkBudgets(
  { norm, epsilons, levels }: Pick<BatchPlan, "norm" | "epsilons" | "levels">,
  { inputShape, bounds: { lower, upper } }: Pick<Model, "inputShape" | "bounds">,
): void {
  const least = epsilons.find((epsilon) => epsilon > 0);
  if (least === undefined) return;
  if (norm === "l0" && least < 1)
    throw new PerturbError(
      "usage",
      `In l0, ε counts the ${l0Unit(inputShape)} that change, and ε = ${least} is less than one: nothing could change. Give whole numbers from 1 (${option("epsilons")}).`,
      { data: { epsilon: least, norm } },
    );
  if (levels === null || norm === "l0" || norm === "spatial") return;
  const step = (upper - lower) / (levels - 1);
  if (least < step - ROUNDING)
    throw new PerturbError(
      "usage",
      `With ${levels} levels, values lie ${Number(step.toPrecision(4))} apart${upper - lower === 1 ? ` (1/${levels - 1})` : ""}, and ε = ${least} is less than that: nothing could change. Give an ε of at least one step (${option("epsilons")}), or leave out ${option("levels")}.`,
      { data: { epsilon: least, step, levels } },
    );
}
