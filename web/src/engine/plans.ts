import type { Dataset } from "../../../src/dataset.ts";
import { requireGradients } from "../../../src/evaluate/checks/gradients.ts";
import type { BatchPlan } from "../../../src/evaluate/course/batch.ts";
import { examplesFor, planOf } from "../../../src/evaluate/course/plan.ts";
import type { EvaluateOptions } from "../../../src/evaluate/course/run.ts";
import type { GraphModel } from "../../../src/models/classifier/graph-model.ts";
import type { AttackSetting, OptionValues } from "../engine.ts";
import { attackNamed } from "./attack-info.ts";

/** What an evaluation is asked for, as the page says it. */
export interface Wanted {
  readonly attacks: readonly { readonly attack: string; readonly options: OptionValues }[];
  readonly setting: Omit<AttackSetting, "attack" | "options" | "surrogate">;
  readonly epsilons: readonly number[];
  readonly surrogate: GraphModel | undefined;
}

/** The same as the library wants it, checked against the model. @throws usage, no-gradient: before anything runs */
export async function planned(
  model: GraphModel,
  data: Dataset | undefined,
  { attacks, setting, epsilons, surrogate }: Wanted,
): Promise<{ plan: BatchPlan; wanted: EvaluateOptions }> {
  const chosen = attacks.map(({ attack, options }) => attackNamed(attack, options));
  const wanted: EvaluateOptions = {
    attacks: chosen,
    norm: setting.norm,
    epsilons,
    target: setting.target,
    seed: setting.seed,
    levels: setting.levels,
    surrogate,
    examples: data && (await examplesFor(chosen, data)),
  };
  const plan = planOf(wanted, model);
  await requireGradients(plan, model, () => model.prepare("cross-entropy"));
  return { plan, wanted };
}
