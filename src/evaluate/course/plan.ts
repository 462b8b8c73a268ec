import type { AnyAttack, Examples } from "../../attack.ts";
import type { Dataset } from "../../dataset.ts";
import { checkCount, PerturbError } from "../../errors.ts";
import { checkLevels } from "../../grid.ts";
import type { DifferentiableModel, Model } from "../../model.ts";
import type { NormName } from "../../norm.ts";
import { option } from "../../option.ts";
import type { BatchPlan } from "./batch.ts";
import type { Entry } from "./cascade.ts";

/** What is done with each sample. */
export interface PlanOptions {
  /** Each sample meets them in this order until it falls. */
  readonly attacks: readonly AnyAttack<DifferentiableModel>[];
  /** Options of each attack, by its name; by default its own. */
  readonly options?: ReadonlyMap<string, object>;
  /** By default linf. */
  readonly norm?: NormName;
  /** Budgets, rising, in pixel units. */
  readonly epsilons: readonly number[];
  /** The class aimed at; by default any wrong class will do. */
  readonly target?: number | null;
  /** By default 0. */
  readonly seed?: number;
  /** Index of the first sample, by default 0. */
  readonly offset?: number;
  /** Draws of a randomised model that its gradients and logits are averaged over, by default 1 (expectation over transformation). */
  readonly eot?: number;
  /** The number of evenly spaced values that an element may take, such as 256 for 8-bit images; by default any will do. */
  readonly levels?: number | null;
  /** Questions that each attack may ask about a sample, over all ε; a gradient counts as one. By default no limit. */
  readonly maxQueries?: number | null;
  /** The model that transfer attacks work on. */
  readonly surrogate?: DifferentiableModel | undefined;
  /** Samples that attacks may learn from: see `examplesFor`. */
  readonly examples?: Examples | undefined;
}

/** How many samples of the data set, from its first on, attacks may learn from. */
const EXAMPLES = 256;

/**
 * The samples that attacks may learn from: the first of the data set, whatever part of it is evaluated, so that no result
 * depends on how the work is cut up. None where no attack asks for them.
 */
export async function examplesFor(
  attacks: readonly AnyAttack<DifferentiableModel>[],
  data: Dataset,
): Promise<Examples | undefined> {
  if (!attacks.some(({ also, learns }) => also === "examples" || learns)) return undefined;
  // Numbered below zero: what is asked about an example is charged to no sample.
  for await (const { x, labels, indices } of data.batches({ batch: EXAMPLES, limit: EXAMPLES }))
    return { x, labels, indices: indices.map((index) => -1 - index) };
  return undefined;
}

/** The options as a plan for each batch. @throws usage, unsupported for what cannot be */
export function planOf(options: PlanOptions, model: Pick<Model, "name" | "classes">): BatchPlan {
  const { attacks, norm = "linf", epsilons, target = null, seed = 0, offset = 0 } = options;
  const { eot = 1, levels = null, maxQueries = null, examples } = options;
  if (attacks.length === 0) throw new PerturbError("usage", "No attack was chosen. Give at least one.");
  checkEpsilons(epsilons);
  const twice = attacks.find((attack, i) => attacks.indexOf(attack) < i);
  if (twice) throw new PerturbError("usage", `${twice.name} is named twice. Name each attack once.`);
  for (const attack of attacks)
    if (!attack.norms.includes(norm))
      throw new PerturbError("usage", `${attack.name} has no ${norm} version. It knows ${attack.norms.join(", ")}.`);
  if (target !== null && !(Number.isInteger(target) && target >= 0 && target < model.classes))
    throw new PerturbError(
      "usage",
      `The target class ${target} is not one of ${model.name}, which has classes 0 to ${model.classes - 1}.`,
    );
  if (!Number.isSafeInteger(seed))
    throw new PerturbError("usage", `The seed must be a whole number below 2^53, got ${seed}.`);
  checkCount(`the number of draws (${option("eot")})`, eot);
  if (maxQueries !== null) checkCount(`the number of queries (${option("maxQueries")})`, maxQueries);
  if (levels !== null) checkLevels(levels);
  const entries = attacks.flatMap((attack, series) => entriesOf(attack, series, norm, options.options));
  for (const { attack } of entries)
    if (attack.also === "surrogate" && !options.surrogate)
      throw new PerturbError(
        "usage",
        `${attack.name} works on another model. Give that model (${option("surrogate")}).`,
      );
  return {
    attacks: entries,
    series: attacks.map(({ name }) => name),
    norm,
    epsilons,
    target,
    seed,
    offset,
    eot,
    levels,
    maxQueries,
    examples,
  };
}

/** An attack, or the members of an ensemble, with their options. */
function entriesOf(
  attack: AnyAttack<DifferentiableModel>,
  series: number,
  norm: NormName,
  options: PlanOptions["options"],
): Entry[] {
  const given = options?.get(attack.name);
  const members = attack.members?.(norm) ?? [{ attack, options: { ...attack.defaults, ...given } }];
  return members.map((member) => ({ ...member, series }));
}

/** @throws usage for budgets that are negative, not numbers, not rising, or none */
export function checkEpsilons(epsilons: readonly number[]): void {
  if (epsilons.length === 0)
    throw new PerturbError("usage", `No ε was given. Give at least one, such as 8/255 (${option("epsilons")}).`);
  for (const [i, epsilon] of epsilons.entries()) {
    if (!Number.isFinite(epsilon) || epsilon < 0)
      throw new PerturbError("usage", `ε must be a number of at least 0, got ${epsilon}.`);
    if (i > 0 && epsilon <= epsilons[i - 1]!)
      throw new PerturbError(
        "usage",
        `The ε must rise, and ${epsilon} follows ${epsilons[i - 1]}. Give them in order, each once.`,
      );
  }
}
