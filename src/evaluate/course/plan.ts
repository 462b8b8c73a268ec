import { type AnyAttack, type AttackChoice, type Configured, configured, type Examples } from "../../attack.ts";
import { attacks as registry } from "../../attacks/index.ts";
import { membersOf } from "../../attacks/steps/members.ts";
import type { Dataset } from "../../dataset.ts";
import { drawn } from "../../datasets/draw.ts";
import { checkCount, didYouMean, PerturbError } from "../../errors.ts";
import { checkLevels } from "../../grid.ts";
import type { DifferentiableModel, Model } from "../../model.ts";
import type { NormName } from "../../norm.ts";
import { option } from "../../option.ts";
import type { BatchPlan } from "./batch.ts";
import type { Entry } from "./cascade.ts";

/** What is done with each sample. */
export interface PlanOptions {
  /** Every sample is attacked by one after the other until one succeeds: as they are, or with options, as `pgd.with({ steps: 100 })`. */
  readonly attacks: readonly AttackChoice<DifferentiableModel>[];
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
  /** Draws of a randomised model that its gradients and logits are averaged over (expectation over transformation), by default 1; of a model with a defence that draws, 20. */
  readonly eot?: number;
  /** The number of evenly spaced values that an element may take, such as 256 for 8-bit images; by default any will do. */
  readonly levels?: number | null;
  /** Queries that each attack may make for a sample, over all ε; a gradient counts as one. By default no limit. */
  readonly maxQueries?: number | null;
  /** The model that transfer attacks work on. */
  readonly surrogate?: DifferentiableModel | undefined;
  /** Samples that attacks may learn from: see `examplesFor`. */
  readonly examples?: Examples | undefined;
}

/** How many samples of the data set attacks may learn from. */
const EXAMPLES = 256;

/**
 * The samples that attacks may learn from: the first of a set that mixes its classes, else a draw from it, whatever part of it is
 * evaluated, so that no result depends on how the work is cut up. None where no attack asks for them.
 */
export async function examplesFor(
  attacks: readonly AttackChoice<DifferentiableModel>[],
  data: Dataset,
  seed = 0,
): Promise<Examples | undefined> {
  if (learners(attacks).length === 0) return undefined;
  // Numbered below zero: queries for an example are charged to no sample.
  const from = data.mixed || data.size <= EXAMPLES ? data : drawn(data, EXAMPLES, seed);
  for await (const { x, labels, indices } of from.batches({ batch: EXAMPLES, limit: EXAMPLES }))
    return { x, labels, indices: indices.map((index) => -1 - index) };
  return undefined;
}

/** The names of the attacks that learn from other samples. */
export const learners = (attacks: readonly AttackChoice<DifferentiableModel>[]): string[] =>
  allChosen(attacks).flatMap(({ attack: { also, learns, name } }) => (also === "examples" || learns ? [name] : []));

/** The options as a plan for each batch. @throws usage, unsupported for what cannot be */
export function planOf(
  options: PlanOptions,
  model: Pick<Model, "name" | "classes" | "levels" | "elements">,
): BatchPlan {
  const { norm = "linf", epsilons, target = null, seed = 0, offset = 0 } = options;
  const { eot = 1, maxQueries = null, examples } = options;
  const levels = options.levels ?? model.levels ?? null;
  if ("options" in options)
    throw new PerturbError("usage", "Options go with their attack: attacks: [pgd.with({ steps: 100 })].");
  const attacks = allChosen(options.attacks);
  checkEpsilons(epsilons);
  const names = attacks.map(({ attack }) => attack.name);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw new PerturbError("usage", `${twice} is named twice. Name each attack once.`);
  for (const { attack } of attacks)
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
  if (levels !== null && model.elements?.unit === "input")
    throw new PerturbError(
      "usage",
      `${option("levels", levels)} spaces values evenly between one pair of bounds, and each element has its own. Leave it out, or measure ε in shares of each range (${option("epsilonUnit", "range")}).`,
    );
  const running = attacks.map((choice) => membersOf(choice, norm, model));
  const entries = running.flatMap(({ members }, series) => members.map((member): Entry => ({ ...member, series })));
  for (const { attack } of entries)
    if (attack.also === "surrogate" && !options.surrogate)
      throw new PerturbError(
        "usage",
        `${attack.name} works on another model. Give that model (${option("surrogate")}).`,
      );
  return {
    attacks: entries,
    series: names,
    leftOut: running.flatMap(({ leftOut }) => leftOut),
    norm,
    epsilons: [...epsilons],
    target,
    seed,
    offset,
    eot,
    levels,
    maxQueries,
    examples,
  };
}

function allChosen(attacks: PlanOptions["attacks"]): Configured<DifferentiableModel>[] {
  if (!Array.isArray(attacks) || attacks.length === 0)
    throw new PerturbError("usage", "No attack was chosen. Give at least one.");
  return attacks.map(chosen);
}

/** The attack with all of its options. @throws usage for what is no attack, or options that it does not have */
function chosen(choice: AttackChoice<DifferentiableModel>): Configured<DifferentiableModel> {
  const given: unknown = choice;
  if (isAttack(given)) return configured(given);
  if (isRecord(given) && isAttack(given["attack"]) && isRecord(given["options"]))
    return { ...(given as object), ...configured(given["attack"], given["options"]) };
  throw new PerturbError(
    "usage",
    `attacks takes attacks, such as pgd from "perturb/attacks", or pgd.with({ steps: 100 }); got ${noAttack(given)}`,
    {
      data: { got: typeof given === "string" ? given : typeof given },
    },
  );
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

const isAttack = (value: unknown): value is AnyAttack<DifferentiableModel> =>
  isRecord(value) &&
  typeof value["propose"] === "function" &&
  Array.isArray(value["norms"]) &&
  isRecord(value["about"]);

/** What was given in place of an attack, and what may have been meant. */
function noAttack(given: unknown): string {
  const names = Object.keys(registry);
  const name = isRecord(given) ? (given["name"] ?? given["attack"]) : given;
  if (typeof name !== "string")
    return `${given === null ? "null" : typeof given}. An attack that "perturb/attacks" does not have is undefined.`;
  if (Object.hasOwn(registry, name))
    return `"${name}". Give the attack itself: attacks["${name}"] from "perturb/attacks".`;
  return `"${name}".${didYouMean(name, names) || ` Known: ${names.join(", ")}.`}`;
}

/** @throws usage for budgets that are negative, not numbers, not rising, or none */
function checkEpsilons(epsilons: readonly number[]): void {
  if (!Array.isArray(epsilons) || epsilons.length === 0)
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
