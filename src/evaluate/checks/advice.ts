import type { AnyAttack } from "../../attack.ts";
import { families, attacks as registry } from "../../attacks/index.ts";
import type { DifferentiableModel, Head } from "../../model.ts";
import type { NormName } from "../../norm.ts";
import { option } from "../../option.ts";
import type { BatchPlan } from "../course/batch.ts";
import type { Entry } from "../course/cascade.ts";

/** What an advice must fit: the plan that ran, and the model. */
export interface Advised {
  readonly plan: Pick<BatchPlan, "attacks" | "series" | "norm" | "maxQueries">;
  readonly classes: number;
  readonly inputShape: readonly number[];
  /** Whether the model has gradients. */
  readonly differentiable: boolean;
}

/** An attack to add, with options over its defaults; or options to change of one that ran. */
export interface Suggestion {
  readonly attack: string;
  readonly options: Readonly<Record<string, string>>;
}

type Known = AnyAttack<DifferentiableModel>;
const REGISTRY: Readonly<Record<string, Known>> = registry;
/** They see a sample as an image, of three dimensions at most. */
const IMAGES = new Set(["square", "one-pixel"]);
/** The attacks that work in a norm on samples of a shape, where there are no gradients; of labels, those that need decisions only. */
export const blindAttacks = (norm: NormName, inputShape: readonly number[], head: Head = "logits"): string[] =>
  Object.values<Known>(head === "labels" ? families["decisions only"] : REGISTRY)
    .filter(({ needs, also, norms }) => needs === "logits" && also === undefined && norms.includes(norm))
    .map(({ name }) => name)
    .filter((name) => !(IMAGES.has(name) && inputShape.length > 3));

/** Options that give an attack more to do, the first of them above all. */
const MORE = ["steps", "queries", "iterations", "generations", "restarts", "pairs"];

const ran = ({ plan }: Advised, name: string): boolean =>
  plan.series.includes(name) || plan.attacks.some(({ attack }) => attack.name === name);

/** Whether a plan would take the attack, and has not got it. */
const isNew = (advised: Advised, { name, norms, needs, leastClasses = 1 }: Known): boolean =>
  norms.includes(advised.plan.norm) &&
  (needs === "logits" || advised.differentiable) &&
  leastClasses <= advised.classes &&
  !(IMAGES.has(name) && advised.inputShape.length > 3) &&
  !ran(advised, name);

/** Attacks that need decisions only, and did not run, in a sentence; nothing where all did, or there is none in the norm. */
export function decisionWords(advised: Advised): string {
  const names = blindAttacks(advised.plan.norm, advised.inputShape, "labels").filter((name) => !ran(advised, name));
  return names.length === 0 ? "" : ` Decisions are enough for ${listed(names)}: add it (${option("attacks")}).`;
}

/** An attack without gradients that did not run. */
export function withoutGradients(advised: Advised): Suggestion | null {
  const found = Object.values(REGISTRY).find(
    (attack) => attack.needs === "logits" && !attack.baseline && attack.also === undefined && isNew(advised, attack),
  );
  return found ? { attack: found.name, options: {} } : null;
}

/** An attack on another loss than those that ran: one that no scale of the logits hides from, where there is. */
export function otherLoss(advised: Advised): Suggestion | null {
  if (isNew(advised, REGISTRY["apgd-dlr"]!)) return { attack: "apgd-dlr", options: {} };
  const { pgd } = registry;
  if (isNew(advised, pgd as Known)) return { attack: "pgd", options: { loss: "margin" } };
  const own = advised.plan.attacks.find(({ attack }) => attack.name === "pgd");
  const margin = own && "loss" in own.options && own.options.loss === "cross-entropy";
  return margin ? { attack: "pgd", options: { loss: "margin" } } : null;
}

/** An ensemble that holds an attack which did not run. */
export function ensemble(advised: Advised, name: "autoattack" | "autoattack-rand"): Suggestion | null {
  const all = registry[name].members!(advised.plan.norm);
  const more = all.some(({ attack }) => isNew(advised, attack));
  return more && isNew(advised, registry[name] as Known) ? { attack: name, options: {} } : null;
}

/** Options of an attack that would give it more to do, as they are set: "pgd.steps", "autoattack.square.queries". */
export function strengths({ plan }: Advised, { attack, options, series }: Entry): string[] {
  const of = plan.series[series]!;
  const prefix = of === attack.name ? of : `${of}.${attack.name}`;
  return MORE.filter((name) => name in options).map((name) => `${prefix}.${name}`);
}

/** "square", "pgd with pgd.loss=margin". */
const words = ({ attack, options }: Suggestion): string => {
  const settings = Object.entries(options).map(([name, value]) => `${attack}.${name}=${value}`);
  return settings.length === 0 ? attack : `${attack} with ${settings.join(" ")}`;
};

/** What to add to see behind masked gradients, in a sentence; nothing where nothing can be. */
export function addWords(advised: Advised, loss = true): string {
  const [blind, other] = [withoutGradients(advised), loss ? otherLoss(advised) : null];
  if (!blind && !other) return "";
  if (!blind) return ` Add an attack with another loss, such as ${words(other!)} (${option("attacks")}).`;
  const start = ` Add an attack without gradients, such as ${words(blind)} (${option("attacks")})`;
  return other ? `${start}, or one with another loss (${words(other)}).` : `${start}.`;
}

/** How to make attacks that ran stronger, or what else to take, in a sentence; nothing where nothing can be. */
export function strongerWords(advised: Advised, entries: readonly Entry[], loss: boolean): string {
  const more = [...new Set(entries.flatMap((entry) => strengths(advised, entry)))].slice(0, 3);
  const limit = advised.plan.maxQueries === null ? "" : `, and the limit of queries (${option("maxQueries")})`;
  const other = loss ? otherLoss(advised) : null;
  const whole = ensemble(advised, "autoattack");
  const ways = [
    ...(more.length > 0 ? [`raise ${listed(more)} (${option("options")})${limit}`] : []),
    ...(other ? [`try another loss (${words(other)})`] : []),
    ...(whole ? [`take the attack ${words(whole)}`] : []),
  ];
  if (ways.length === 0) return "";
  const sentence = listed(ways);
  return ` ${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}.`;
}

const listed = (parts: readonly string[]): string =>
  parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} or ${parts.at(-1)}`;
