import { predict } from "../../attack.ts";
import type { Batch } from "../../dataset.ts";
import type { Evaluation, Warning } from "../../evaluate.ts";
import type { Model } from "../../model.ts";
import type { Normalization } from "../../models/classifier/preprocess.ts";
import { option } from "../../option.ts";
import type { FloatTensor } from "../../tensor.ts";
import type { BatchPlan } from "../course/batch.ts";
import { accuracyOf } from "../results/statistics.ts";
import type { Tally } from "../results/tally.ts";
import { headWarnings } from "./heads.ts";

/** What is known of the model from its file. */
interface Known {
  readonly straightThrough?: number;
  readonly assumptions?: readonly string[];
}

/** Checks of the evaluation itself: each a warning with its number and what to do next. */
export function warningsOf(
  { clean, model, data, attacks }: Evaluation,
  tally: Tally,
  plan: BatchPlan,
  { straightThrough = 0, assumptions }: Known = {},
): Warning[] {
  const { invalid, deadGradients, nanGradients, points } = tally;
  const warnings: Warning[] = [];
  const warn = (code: string, message: string) => warnings.push({ code, message });
  if (atChance(clean))
    warn(
      "chance-accuracy",
      `Clean accuracy is ${percent(clean.accuracy)}, no better than always naming one class. The other numbers say nothing about robustness then. Check normalization (${option("normalization.mean")}, ${option("normalization.std")}), channel order, the 0-255 scale and the numbering of labels.`,
    );
  if (invalid > 0)
    warn(
      "nan-logits",
      `${invalid} answers of the model held NaN. They count neither as correct nor as fooled. Look for overflow in the model.`,
    );
  const attacked = points[0]?.attacked ?? 0;
  if (deadGradients > 0)
    warn(
      "zero-gradient",
      `The gradient of ${deadGradients} of ${attacked} attacked samples is exactly zero. Attacks that follow the gradient do not change these samples. The model may mask its gradients, and robust accuracy may be overstated. Add an attack without gradients, such as square (${option("attacks")}), or one with another loss (apgd-dlr).`,
    );
  if (nanGradients > 0)
    warn(
      "nan-gradient",
      `The gradient of ${nanGradients} of ${attacked} attacked samples holds NaN or infinity. Attacks that follow the gradient are blind there, and robust accuracy may be overstated. Look for overflow or a division by zero in the model, or add an attack without gradients, such as square (${option("attacks")}).`,
    );
  for (const warning of strangeOrder(attacks, plan)) warnings.push(warning);
  warnings.push(...headWarnings({ model, data }, tally, assumptions));
  if (straightThrough > 0)
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
function* strangeOrder(attacks: Evaluation["attacks"], plan: BatchPlan): Generator<Warning> {
  const gradient: string[] = [];
  for (const [e, { attack: name, attacked, fooled }] of attacks.entries()) {
    const { attack } = plan.attacks[e]!;
    if (attack.needs === "gradient") gradient.push(name);
    const count = fooled.reduce((a, b) => a + b, 0);
    if (attack.needs !== "logits" || gradient.length === 0 || count === 0) continue;
    const transfer = attack.also === "surrogate";
    yield {
      code: transfer ? "transfer-stronger" : "black-box-stronger",
      message: `${name} ${transfer ? "works on another model" : "sees no gradients"}, yet it fooled ${count} of the ${attacked} samples that ${[...new Set(gradient)].join(", ")} had not fooled at every ε. Gradients of this model may be masked, or those attacks are too weak. Give them more steps and restarts (${option("options")}), try another loss (apgd-dlr), or take the attack autoattack.`,
    };
  }
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

/** Whether the interval of the clean accuracy reaches down to what naming one class always would give. */
export function atChance({ ci95, correct, total, confusion }: Evaluation["clean"]): boolean {
  // Nothing could be better, however wide the interval of a few samples is.
  if (correct === total) return false;
  const labels = confusion.map((row) => row.reduce((a, b) => a + b, 0));
  const commonest = Math.max(...labels) / total;
  // Samples of one class alone, as the head of a sorted set has, cannot tell a good model from a constant one.
  const chance = commonest === 1 ? 1 / confusion.length : commonest;
  return confusion.length > 1 && ci95[0] <= chance;
}

const normalization = (mean: number | readonly number[], std: number | readonly number[]): string =>
  `${option("normalization.mean", [mean].flat())} ${option("normalization.std", [std].flat())}`;

/** Likely mistakes in how data reaches a model. */
const SUSPICIONS: readonly { readonly name: string; readonly change: (x: FloatTensor) => FloatTensor }[] = [
  { name: `pixels from 0 to 255 (${normalization(0, 1 / 255)})`, change: (x) => map(x, (v) => 255 * v) },
  { name: `pixels from -1 to 1 (${normalization(0.5, 0.5)})`, change: (x) => map(x, (v) => 2 * v - 1) },
  {
    name: `MNIST's normalization (${normalization(0.1307, 0.3081)})`,
    change: (x) => map(x, (v) => (v - 0.1307) / 0.3081),
  },
  {
    name: `ImageNet's normalization (${normalization([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])})`,
    change: (x) => map(x, (v, c) => (v - [0.485, 0.456, 0.406][c % 3]!) / [0.229, 0.224, 0.225][c % 3]!),
  },
  { name: "inverted pixels (white for black)", change: (x) => map(x, (v) => 1 - v) },
  { name: "the channels in reverse order (BGR for RGB)", change: reverseChannels },
];

/**
 * For a model that does worse than it should: the change of scale, channels or labels with the highest accuracy on one batch.
 * Null when none is better beyond doubt (95 % intervals that do not meet).
 */
export async function diagnose(
  model: Model,
  { x, labels, indices }: Batch,
  normalization?: Normalization,
): Promise<Warning | null> {
  const scored = (predictions: Int32Array, shift = 0) =>
    accuracyOf(predictions.filter((p, i) => p === labels[i]! + shift).length, labels.length);
  const asItIs = predict(await model.logits(x, indices));
  const found = [-1, 1].map((shift) => ({
    cause: `the labels count from one ${shift > 0 ? "lower" : "higher"} than the model's`,
    ...scored(asItIs, shift),
  }));
  if (normalization) {
    // The normalization in front of the model is undone: it then sees pixels.
    const { mean, std } = normalization;
    const pixels = map(x, (v, c) => v * std[c % std.length]! + mean[c % mean.length]!);
    found.push({
      cause: `the model normalizes its input by itself, and does so twice with ${option("normalization.mean")} and ${option("normalization.std")}; leave them out`,
      ...scored(predict(await model.logits(pixels, indices))),
    });
  }
  for (const { name, change } of SUSPICIONS)
    found.push({ cause: `the model expects ${name}`, ...scored(predict(await model.logits(change(x), indices))) });
  const best = found.reduce((a, b) => (b.correct > a.correct ? b : a));
  const { accuracy, ci95 } = scored(asItIs);
  if (best.ci95[0] <= ci95[1]) return null;
  return {
    code: "likely-cause",
    message: `The likely cause: ${best.cause}. With that, ${percent(best.accuracy)} of the first ${labels.length} samples are correct. As given, ${percent(accuracy)} are.`,
  };
}

function map(x: FloatTensor, f: (value: number, channel: number) => number): FloatTensor {
  const plane = x.dims.slice(2).reduce((a, b) => a * b, 1);
  const channels = x.dims[1]!;
  return { ...x, data: x.data.map((v, i) => f(v, Math.floor(i / plane) % channels)) };
}

function reverseChannels(x: FloatTensor): FloatTensor {
  const plane = x.dims.slice(2).reduce((a, b) => a * b, 1);
  const channels = x.dims[1]!;
  return {
    ...x,
    data: x.data.map((_, i) => {
      const channel = Math.floor(i / plane) % channels;
      return x.data[i + (channels - 1 - 2 * channel) * plane]!;
    }),
  };
}
