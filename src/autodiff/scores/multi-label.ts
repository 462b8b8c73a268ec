import { PerturbError } from "../../errors.ts";
import { isIntegral } from "../../onnx/facts.ts";
import type { Graph } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import { option } from "../../option.ts";
import { tensor } from "../../tensor.ts";
import type { HeadInfo } from "../head.ts";
import { isLabel, LEAST_SHARE, type LossBuilder } from "../loss.ts";
import type { Reading, Scores } from "../reading.ts";
import { ODD } from "./binary.ts";
import { logitOf, realLogits, shifted } from "./values.ts";
import type { View } from "./view.ts";

/**
 * A score for each label by itself: z - threshold, behind the sigmoids where they can be seen. What cannot be told without a
 * run is given as it is. @throws unsupported, usage
 */
export function readLabels(b: Ops, output: string, view: View, visible: HeadInfo, { threshold }: Reading): Scores {
  const { kind, through, integers, logits } = visible;
  refuseLabels(b, output, view, visible);
  const scores = (z: string, assumption: string, unseen = false): Scores => ({
    logits: z,
    classes: view.classes,
    kind: "multi-label",
    assumptions: [assumption],
    ...(unseen && { unseen: true }),
  });
  if (through.includes("Sigmoid")) {
    const p = threshold ?? 0.5;
    if (!(p > 0 && p < 1))
      throw new PerturbError("usage", `The threshold of a sigmoid lies between 0 and 1, got ${p}. Give one inside.`);
    // Behind anything else than clipping, 0.5 of the sigmoid is no 0 of the value that was found.
    const plain = through.at(-1) === "Sigmoid" && through.slice(0, -1).every((op) => op === "Clip");
    const isSeen = plain && !integers && view.poolsBehind(logits);
    const z = isSeen ? view.flat(realLogits(b, visible)) : logitOf(b, view.flat(output));
    const text = `The model has ${view.classes} labels, each behind a sigmoid. A label is predicted where its probability is above ${p}.`;
    return scores(shifted(b, z, Math.log(p / (1 - p))), text);
  }
  const odd = kind === "monotone" && threshold === undefined && through.every((op) => ODD.has(op));
  if (odd && view.poolsBehind(logits))
    return scores(
      view.flat(realLogits(b, visible)),
      `The model has ${view.classes} labels, each behind ${through[0]}. A label is predicted where its score is above 0.`,
    );
  return scores(
    view.flat(output),
    `The model has ${view.classes} labels, and no sigmoid can be seen. A label is predicted where its score is above ${threshold ?? 0}.`,
    true,
  );
}

/** @throws unsupported, usage for what is no score for each of several labels */
function refuseLabels(b: Ops, output: string, { classes }: View, { kind, through }: HeadInfo): void {
  const { type } = b.fact(output);
  const wrong = option("head", "multi-label");
  if (classes === 1)
    throw new PerturbError(
      "usage",
      `The model has one output, and ${wrong} is for a score for each of several labels. Leave it out: one output is read as class 1 against class 0.`,
    );
  if (isIntegral(type) || type === "bool")
    throw new PerturbError(
      "unsupported",
      `The model's output holds ${type}: decisions, and no scores. Choose the output with the scores of the labels (${option("output")}).`,
    );
  if (kind === "softmax" || kind === "log-softmax")
    throw new PerturbError(
      "usage",
      `The model ends in a softmax, by which a sample has one class, and ${wrong} is for labels that stand by themselves. Leave it out.`,
    );
  if (through.includes("Sigmoid") && through.slice(0, through.indexOf("Sigmoid")).some((op) => op !== "Clip"))
    throw new PerturbError(
      "unsupported",
      `The model's sigmoids are changed afterwards (${through.join(" of ")}), and what they are compared with cannot be told. Choose the value before that (${option("output")}).`,
    );
}

/** So small that it is next to no margin, and a label on the threshold counts as not predicted. */
const ABOVE = 1e-30;

const OF_LABELS = "perturb: how far each label is wrong";

/**
 * The scores of a classifier of whether labels are as given: [0, -m_1, -m_2, …] with the margins m = (2y - 1) z. Its class 0 is
 * predicted where every label is right, and else the label that is farthest wrong.
 * @param y [n, labels], 0 or 1
 */
export function wrongness(b: Ops, z: string, y: string): string {
  const off = b.mul(z, b.sub(b.scalar(1, y), b.plus(y, y)));
  // A label that is there and whose score lies on the threshold is not predicted: as of one output.
  const tie = b.mul(y, b.cast(b.equal(z, b.scalar(0, z)), "float32"));
  const wrong = b.plus(off, b.mul(tie, b.scalar(ABOVE, z)));
  return b.named(OF_LABELS, "Concat", [b.full(0, b.slice(wrong, [1], [0], [1])), wrong], { axis: 1 });
}

/** Whether logits are those of `wrongness`. */
export const isOfLabels = (graph: Graph, logits: string): boolean =>
  graph.nodes.some((node) => node.outputs[0] === logits && node.name === OF_LABELS);

/** From here on down, log(1 + u) is written as a series: float32 would round 1 + u. */
const SMALL = 1e-3;

/**
 * Binary cross-entropy, summed over the labels: Σ log(1 + exp(-m)) at class 0. At the class of one label, that of this label as if it
 * were the other way round. Written with exp(-|m|), which float32 holds where 1 / (1 + exp(m)) would be rounding noise.
 */
export const labelsLoss: LossBuilder = (b, logits, labels) => {
  const columns = b.sizes(logits, 1)[0]!;
  const zero = b.scalar(0, logits);
  const isSet = b.constant(
    tensor(
      "bool",
      [1, columns],
      Uint8Array.from({ length: columns }, (_, i) => Number(i === 0)),
    ),
  );
  const aims = b.where(isSet, zero, b.cast(isLabel(b, logits, labels), "float32"));
  // +1 for every label at class 0, -1 for the label of another class, 0 for all others.
  const whole = b.unsqueeze(
    b.cast(b.equal(b.cast(labels, "int32"), b.constant(tensor("int32", [], Int32Array.of(0)))), "float32"),
    [1],
  );
  const sign = b.where(isSet, zero, b.sub(whole, aims));
  const u = b.exp(b.neg(b.add("Abs", [logits])));
  const one = b.scalar(1, logits);
  const log = b.where(
    b.add("Less", [u, b.scalar(SMALL, u)]),
    b.mul(u, b.sub(one, b.mul(b.scalar(0.5, u), u))),
    b.add("Log", [b.plus(one, u)]),
  );
  const signed = b.mul(sign, logits);
  const share = b.add("Abs", [sign]);
  const value = b.mul(share, b.plus(b.add("Relu", [signed]), log));
  // sigmoid(v) is exp(-|v|) / (1 + exp(-|v|)) below 0, and 1 / (1 + exp(-|v|)) above.
  const rises = b.div(b.where(b.add("Less", [signed, zero]), u, one), b.plus(one, u));
  // As of cross-entropy, the direction is kept where all labels are sure: that of the least sure ones.
  const sureness = b.where(b.add("Greater", [share, zero]), b.neg(b.add("Abs", [logits])), b.scalar(-3e38, logits));
  const among = b.exp(b.sub(sureness, b.reduceMax(sureness, [1], true)));
  const least = b.scalar(LEAST_SHARE, logits);
  const isFaint = b.add("Less", [b.reduceSum(b.mul(share, rises), [1], true), least]);
  const slope = b.mul(sign, b.where(isFaint, b.mul(among, least), rises));
  return { value: b.reduceSum(value, [1], false), slope };
};
