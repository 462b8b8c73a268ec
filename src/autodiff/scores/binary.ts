import { PerturbError } from "../../errors.ts";
import { isIntegral } from "../../onnx/facts.ts";
import type { Ops } from "../../onnx/ops.ts";
import { option } from "../../option.ts";
import type { ElementType } from "../../tensor.ts";
import type { HeadInfo } from "../head.ts";
import type { Affine } from "../head-steps.ts";
import type { HeadChoice, Reading, ScoreKind, Scores } from "../reading.ts";
import { logitOf, realLogits, shifted } from "./values.ts";
import type { View } from "./view.ts";

/** Functions that are 0 at 0 and keep the sign, so that the threshold 0 stays where it is. */
export const ODD = new Set(["Tanh", "Softsign", "Atan", "Erf", "Neg"]);

interface BinaryFound {
  readonly view: View;
  readonly head: HeadInfo;
  readonly visible: HeadInfo;
}

/** One score z of class 1: two classes with the logits [0, z - threshold]. */
export function readBinary(b: Ops, output: string, { view, head, visible }: BinaryFound, reading: Reading): Scores {
  const { head: said = "auto", threshold } = reading;
  refuseBinary(b.fact(output).type, said, visible, threshold);
  const { sigmoid } = head;
  const one = (z: string, shift: number, kind: ScoreKind, assumption: string): Scores => {
    const above = shifted(b, z, shift);
    const logits = b.add("Concat", [b.full(0, above), above], { axis: 1 });
    return { logits, classes: 2, kind, assumptions: [assumption] };
  };
  if (sigmoid || said === "sigmoid") {
    const affine = sigmoid ?? { scale: 1, shift: 0 };
    const p = shareOf(affine, threshold);
    // Of a sigmoid that is turned around, class 1 is below p.
    const sign = affine.scale < 0 ? -1 : 1;
    const isVisible = sigmoid !== undefined && view.poolsBehind(sigmoid.logits);
    const z = isVisible ? view.flat(realLogits(b, sigmoid)) : logitOf(b, sigmoidOf(b, view.flat(output), affine));
    return one(
      sign < 0 ? b.neg(z) : z,
      sign * Math.log(p / (1 - p)),
      isVisible ? "binary-sigmoid" : "hidden",
      probabilityWords(affine, p, sigmoid !== undefined, threshold),
    );
  }
  const behind = view.poolsBehind(head.logits);
  const odd = head.kind === "monotone" && threshold === undefined && behind && head.through.every((op) => ODD.has(op));
  if (behind) requireInside(head, threshold);
  const z = view.flat(odd ? realLogits(b, head) : output);
  return one(
    z,
    threshold ?? 0,
    "binary",
    `The model has one output and ${odd ? `ends in ${head.through[0]}` : "no sigmoid that can be seen"}. It is read as the score of class 1 against class 0; above ${threshold ?? 0}, class 1 is predicted. A regressor looks the same, and its accuracy would mean nothing. If it is a probability, say so (${option("head", "sigmoid")}).`,
  );
}

/** The sigmoid that an output was made of. */
function sigmoidOf(b: Ops, output: string, { scale, shift }: Affine): string {
  const risen = shifted(b, output, shift);
  return scale === 1 ? risen : b.div(risen, b.scalar(scale, risen));
}

/** The output where the sigmoid is p. */
const valueAt = ({ scale, shift }: Affine, p: number): number => Number((scale * p + shift).toPrecision(7));

/** The value of a sigmoid at the threshold, by default 1/2. @throws usage for a threshold that the output never crosses */
function shareOf(affine: Affine, threshold: number | undefined): number {
  const p = threshold === undefined ? 0.5 : (threshold - affine.shift) / affine.scale;
  if (p > 0 && p < 1) return p;
  const [low, high] = [valueAt(affine, 0), valueAt(affine, 1)].sort((a, b) => a - b);
  throw new PerturbError(
    "usage",
    `The threshold of a sigmoid lies between ${low} and ${high}, as its output does; got ${threshold}. Give one inside.`,
  );
}

/** How a probability is read: in the units of the output, where these are others. */
function probabilityWords(affine: Affine, p: number, isSeen: boolean, threshold: number | undefined): string {
  const at = threshold ?? valueAt(affine, p);
  const [zero, one] = [valueAt(affine, 0), valueAt(affine, 1)];
  if (Math.min(zero, one) === 0 && Math.max(zero, one) === 1)
    return `The model has one output, ${isSeen ? "behind a sigmoid" : "said to be a probability"}. It is read as the probability of class 1 against class 0; above ${at}, class 1 is predicted.`;
  const share = Number((zero < one ? p : 1 - p).toPrecision(4));
  const meant = threshold !== undefined && threshold > 0 && threshold < 1 && Math.abs(one - zero) > 2;
  return `The model has one output, a sigmoid that is changed afterwards: its values lie between ${Math.min(zero, one)} and ${Math.max(zero, one)}. Above ${at}, in these units, class 1 is predicted: where its probability is above ${share}.${meant ? ` If ${at} was meant as the probability, give ${valueAt({ scale: Math.abs(affine.scale), shift: Math.min(zero, one) }, threshold)} (${option("threshold")}).` : ""}`;
}

/** Where the values of functions lie. */
const RANGES: Readonly<Record<string, readonly [number, number]>> = {
  Tanh: [-1, 1],
  Softsign: [-1, 1],
  Erf: [-1, 1],
  Atan: [-Math.PI / 2, Math.PI / 2],
  HardSigmoid: [0, 1],
};

/** @throws usage for a threshold that no value of the outermost function crosses */
function requireInside({ through }: HeadInfo, threshold: number | undefined): void {
  const range = RANGES[through[0] ?? ""];
  if (threshold === undefined || !range || (threshold > range[0] && threshold < range[1])) return;
  const [low, high] = range.map((v) => Number(v.toPrecision(4)));
  throw new PerturbError(
    "usage",
    `The model ends in ${through[0]}, whose values lie between ${low} and ${high}, and the threshold ${threshold} does not: one class would always be predicted. Give one inside, in units of the output (${option("threshold")}).`,
  );
}

/** @throws unsupported, usage for one output that holds no score of a class */
function refuseBinary(
  type: ElementType | null,
  said: HeadChoice,
  { kind, through, sigmoid }: HeadInfo,
  threshold: number | undefined,
): void {
  const isUnit = sigmoid && [0, 1].every((p) => [0, 1].includes(valueAt(sigmoid, p)));
  const changed = through.includes("Sigmoid") && !isUnit;
  if (isIntegral(type))
    throw new PerturbError(
      "unsupported",
      `The model's output holds one ${type} for each sample: the number of a class, and no scores. Choose the output with the class scores (${option("output")}), or export the model without its last ArgMax.`,
    );
  const isSoftmax = kind === "softmax" || kind === "log-softmax";
  if (said === "softmax" && !isSoftmax)
    throw new PerturbError(
      "usage",
      `The model has one output, and ${option("head", "softmax")} is for a probability for each class. Leave it out, or say that the output is the probability of class 1 (${option("head", "sigmoid")}).`,
    );
  if (isSoftmax)
    throw new PerturbError(
      "unsupported",
      "The model has one class behind a softmax, which gives 1 for every input. Export it with all its classes, or with a sigmoid in place of the softmax.",
    );
  if (changed && said === "auto" && threshold === undefined)
    throw new PerturbError(
      "unsupported",
      `The model has one output, a sigmoid that is changed afterwards (${through.join(" of ")}), and what it is compared with cannot be told. ${sigmoid ? `Say that the sigmoid's own 0.5 counts (${option("head", "sigmoid")}), or give the output above which class 1 is predicted (${option("threshold")}).` : `Give the output above which class 1 is predicted (${option("threshold")}).`}`,
    );
  if (said === "logits" && kind === "sigmoid" && threshold === undefined)
    throw new PerturbError(
      "usage",
      `The model has one output behind a sigmoid, which is never below 0: as a logit it would always mean class 1. Leave out ${option("head", "logits")}.`,
    );
}
