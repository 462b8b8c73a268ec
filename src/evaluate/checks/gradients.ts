import { PerturbError } from "../../errors.ts";
import { isDifferentiable, type Model } from "../../model.ts";
import { option } from "../../option.ts";
import type { BatchPlan } from "../course/batch.ts";

/**
 * Refuses attacks that need gradients where there are none, before anything runs, and names those that would work.
 * `prove` makes the gradient of a model that may have none: whatever it throws as `no-gradient` is the reason.
 * @throws no-gradient
 */
export async function requireGradients(plan: BatchPlan, model: Model, prove?: () => unknown): Promise<void> {
  const needing = plan.attacks.filter(({ attack }) => attack.needs === "gradient");
  if (needing.length === 0) return;
  const missing = await reasonAgainst(model, prove);
  if (missing === undefined) return;
  const { blindAttacks } = await import("./advice.ts");
  const names = [...new Set(needing.map(({ series }) => plan.series[series]!))];
  const working = blindAttacks(plan.norm, model.inputShape, model.head);
  throw new PerturbError(
    "no-gradient",
    `${missing.message} ${names.join(", ")} ${names.length === 1 ? "needs" : "need"} gradients. ${working.length > 0 ? `These attacks work without gradients in ${plan.norm}: ${working.join(", ")}.` : `No attack works without gradients in ${plan.norm}; choose another norm (${option("norm")}).`}`,
    { data: { attacks: names, working }, cause: missing.cause },
  );
}

interface Reason {
  readonly message: string;
  readonly cause?: unknown;
}

async function reasonAgainst(model: Model, prove: (() => unknown) | undefined): Promise<Reason | undefined> {
  if (!isDifferentiable(model)) return { message: `${model.name} has no gradients: it gives logits only.` };
  try {
    await prove?.();
    return undefined;
  } catch (cause) {
    if (cause instanceof PerturbError && cause.code === "no-gradient") return { message: cause.message, cause };
    throw cause;
  }
}
