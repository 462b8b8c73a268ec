import { MOST_CONFUSED } from "../../classes.ts";
import type { ClassFolders } from "../../dataset.ts";
import type { Evaluation, Warning } from "../../evaluate.ts";
import { option } from "../../option.ts";
import type { BatchPlan } from "../course/batch.ts";
import type { Entry } from "../course/cascade.ts";
import type { Tally } from "../results/tally.ts";
import { type Advised, addWords, decisionWords, strongerWords } from "./advice.ts";
import { headWarnings } from "./heads.ts";

/** Checks of the evaluation itself: each a warning with its number and what to do next. */
export function warningsOf(
  { clean, model, data, attacks }: Evaluation,
  tally: Tally,
  plan: BatchPlan,
  {
    straightThrough = 0,
    askedThrough = [],
    adversarial,
    classFolders,
  }: {
    readonly straightThrough?: number;
    readonly askedThrough?: readonly string[];
    readonly adversarial?: true | undefined;
    readonly classFolders?: ClassFolders | undefined;
  } = {},
): Warning[] {
  const { invalid, deadGradients, nanGradients, points } = tally;
  const warnings: Warning[] = [];
  const warn = (code: string, message: string) => warnings.push({ code, message });
  // Of a multi-label model one class is right for all: see `setWarnings`. Adversarial examples are made to be taken wrongly.
  if (!adversarial && model.head !== "multi-label" && atChance(clean))
    warn(
      "chance-accuracy",
      `Clean accuracy is ${percent(clean.accuracy)}, no better than always naming one class. The other numbers say nothing about robustness then. Check normalization (${option("normalization.mean")}, ${option("normalization.std")}), channel order, the 0-255 scale and ${classFolders ? `which class each folder is (${option("classFile")})` : "the numbering of labels"}.`,
    );
  if (invalid > 0)
    warn(
      "nan-logits",
      `${invalid} answers of the model held NaN. They count neither as correct nor as fooled. Look for overflow in the model.`,
    );
  const attacked = points[0]?.attacked ?? 0;
  // Gradients are counted where there are some.
  const advised: Advised = { plan, classes: model.classes, inputShape: model.inputShape, differentiable: true };
  if (deadGradients > 0)
    warn(
      "zero-gradient",
      `The gradient of ${deadGradients} of ${attacked} attacked samples is exactly zero. Attacks that follow the gradient do not change these samples. The model may mask its gradients, and robust accuracy may be overstated.${addWords(advised)}`,
    );
  if (nanGradients > 0)
    warn(
      "nan-gradient",
      `The gradient of ${nanGradients} of ${attacked} attacked samples holds NaN or infinity. Attacks that follow the gradient are blind there, and robust accuracy may be overstated. Look for overflow or a division by zero in the model.${addWords(advised, false)}`,
    );
  for (const warning of strangeOrder(attacks, advised)) warnings.push(warning);
  for (const { attack, of, least } of plan.leftOut)
    warn(
      "member-left-out",
      `${of} ran without ${attack}, which compares the ${least} largest logits: the model has ${model.classes} classes.`,
    );
  warnings.push(...headWarnings({ model, data }, tally, decisionWords(advised), addWords(advised)));
  if (straightThrough > 0 && askedThrough.length > 0)
    warn(
      "straight-through",
      `The gradient passes straight through ${straightThrough} ${straightThrough === 1 ? "node" : "nodes"} as if they did not step (${option("straightThrough", askedThrough)}). It is an estimate, and robust accuracy may be overstated.${addWords(advised, false)}`,
    );
  else if (straightThrough > 0)
    warn(
      "straight-through",
      `The model is quantised: ${straightThrough} of its nodes round to integers. The gradient passes straight through them, so it is an estimate, and robust accuracy may be overstated. Evaluate the model from before quantisation too.`,
    );
  if (data.total < 100)
    warn("few-samples", `Only ${data.total} samples were evaluated, so the intervals are wide. Evaluate at least 100.`);
  return warnings;
}

/**
 * Attacks that see less of a model must not fool samples that those that see its gradients did not fool (Carlini et al. 2019,
 * https://arxiv.org/abs/1902.06705, §5): where they do, the gradients do not lead where the loss rises.
 */
function* strangeOrder(attacks: Evaluation["attacks"], advised: Advised): Generator<Warning> {
  const { plan } = advised;
  const gradient: Entry[] = [];
  for (const [e, { attack: name, attacked, fooled }] of attacks.entries()) {
    const entry = plan.attacks[e]!;
    const { attack } = entry;
    if (attack.needs === "gradient") gradient.push(entry);
    const count = fooled.reduce((a, b) => a + b, 0);
    if (attack.needs !== "logits" || gradient.length === 0 || count === 0) continue;
    const transfer = attack.also === "surrogate";
    yield {
      code: transfer ? "transfer-stronger" : "black-box-stronger",
      message: `${name} ${transfer ? "works on another model" : "sees no gradients"}, yet it fooled ${count} of the ${attacked} samples that ${[...new Set(gradient.map((other) => other.attack.name))].join(", ")} had not fooled at every ε. Gradients of this model may be masked, or those attacks are too weak.${strongerWords(advised, gradient, true)}`,
    };
  }
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

/** Whether the interval of the clean accuracy reaches down to what naming one class always would give. */
export function atChance({ ci95, correct, total, confusion }: Evaluation["clean"]): boolean {
  // Nothing could be better, however wide the interval of a few samples is.
  if (correct === total) return false;
  // Of very many classes there is no table, and no one of them is common.
  if (confusion.length === 0) return ci95[0] <= 1 / MOST_CONFUSED;
  const labels = confusion.map((row) => row.reduce((a, b) => a + b, 0));
  const commonest = Math.max(...labels) / total;
  // Samples of one class alone, as the head of a sorted set has, cannot tell a good model from a constant one.
  const chance = commonest === 1 ? 1 / confusion.length : commonest;
  return confusion.length > 1 && ci95[0] <= chance;
}
