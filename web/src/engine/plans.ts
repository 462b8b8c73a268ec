import type { Dataset } from "../../../src/dataset.ts";
import { PerturbError } from "../../../src/errors.ts";
import { examplesFor } from "../../../src/evaluate/course/plan.ts";
import type { AttackOptions } from "../../../src/evaluate/opening.ts";
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

/** The same as the library wants it. `data`: what attacks that learn from samples learn from. @throws usage */
export async function wantedBy(
  data: Dataset | undefined,
  { attacks, setting, epsilons, surrogate }: Wanted,
): Promise<AttackOptions> {
  const chosen = attacks.map(({ attack, options }) => attackNamed(attack, options));
  // Without data the library would take the sample that is attacked.
  const learning = chosen.find(({ attack }) => attack.also === "examples");
  if (learning && !data)
    throw new PerturbError(
      "usage",
      `${learning.attack.name} learns from samples, and the open data do not fit this model. Open a .npz file with samples in the shape of the model.`,
    );
  return {
    attacks: chosen,
    norm: setting.norm,
    epsilons,
    target: setting.target,
    seed: setting.seed,
    levels: setting.levels,
    surrogate,
    examples: data && (await examplesFor(chosen, data)),
  };
}
