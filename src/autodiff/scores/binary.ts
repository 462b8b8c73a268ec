import { PerturbError } from "../../errors.ts";
import { isIntegral } from "../../onnx/facts.ts";
import type { Ops } from "../../onnx/ops.ts";
import { option } from "../../option.ts";
import type { ElementType } from "../../tensor.ts";
import type { HeadInfo } from "../head.ts";
import type { HeadChoice, Reading, ScoreKind, Scores } from "../reading.ts";
import { logitOf, realLogits } from "./values.ts";
import type { View } from "./view.ts";

/** Functions that are 0 at 0 and keep the sign, so that the threshold 0 stays where it is. */
export const ODD = new Set(["Tanh", "Softsign", "Atan", "Erf"]);

interface BinaryFound {
  readonly view: View;
  readonly head: HeadInfo;
  readonly visible: HeadInfo;
}

/** One score z of class 1: two classes with the logits [0, z - threshold]. */
export function readBinary(b: Ops, output: string, { view, head, visible }: BinaryFound, reading: Reading): Scores {
  const { head: said = "auto", threshold } = reading;
  refuseBinary(b.fact(output).type, said, visible, threshold);
  const isSigmoid = head.kind === "sigmoid" || (head.kind === "monotone" && head.through.includes("Sigmoid"));
  const behind = view.poolsBehind(head.logits);
  const one = (z: string, shift: number, kind: ScoreKind, assumption: string): Scores => {
    const above = shift === 0 ? z : b.sub(z, b.scalar(shift, z));
    const logits = b.add("Concat", [b.full(0, above), above], { axis: 1 });
    return { logits, classes: 2, kind, assumptions: [assumption] };
  };
  if (isSigmoid || said === "sigmoid") {
    const p = threshold ?? 0.5;
    if (!(p > 0 && p < 1))
      throw new PerturbError("usage", `The threshold of a sigmoid lies between 0 and 1, got ${p}. Give one inside.`);
    const shift = Math.log(p / (1 - p));
    const text = `The model has one output, ${isSigmoid ? "behind a sigmoid" : "said to be a probability"}. It is read as the probability of class 1 against class 0; above ${p}, class 1 is predicted.`;
    return isSigmoid && behind
      ? one(view.flat(realLogits(b, head)), shift, "binary-sigmoid", text)
      : one(logitOf(b, view.flat(output)), shift, "hidden", text);
  }
  const odd = head.kind === "monotone" && threshold === undefined && behind && head.through.every((op) => ODD.has(op));
  const z = view.flat(odd ? realLogits(b, head) : output);
  return one(
    z,
    threshold ?? 0,
    "binary",
    `The model has one output and ${odd ? `ends in ${head.through[0]}` : "no sigmoid that can be seen"}. It is read as the score of class 1 against class 0; above ${threshold ?? 0}, class 1 is predicted. A regressor looks the same, and its accuracy would mean nothing. If it is a probability, say so (${option("head", "sigmoid")}).`,
  );
}

/** @throws unsupported, usage for one output that holds no score of a class */
function refuseBinary(
  type: ElementType | null,
  said: HeadChoice,
  { kind, through }: HeadInfo,
  threshold: number | undefined,
): void {
  const scaled = through.includes("Sigmoid") && through.some((op) => op !== "Sigmoid" && op !== "Clip");
  if (isIntegral(type))
    throw new PerturbError(
      "unsupported",
      `The model's output holds one ${type} for each sample: the number of a class, and no scores. Choose the output with the class scores (${option("output")}), or export the model without its last ArgMax.`,
    );
  if (kind === "softmax" || kind === "log-softmax" || said === "softmax")
    throw new PerturbError(
      "unsupported",
      "The model has one class behind a softmax, which gives 1 for every input. Export it with all its classes, or with a sigmoid in place of the softmax.",
    );
  if (scaled && said === "auto" && threshold === undefined)
    throw new PerturbError(
      "unsupported",
      `The model has one output, a sigmoid that is changed afterwards (${through.join(" of ")}), and what it is compared with cannot be told. Say that the sigmoid's own 0.5 counts (${option("head", "sigmoid")}).`,
    );
  if (said === "logits" && kind === "sigmoid" && threshold === undefined)
    throw new PerturbError(
      "usage",
      `The model has one output behind a sigmoid, which is never below 0: as a logit it would always mean class 1. Leave out ${option("head", "logits")}.`,
    );
}
