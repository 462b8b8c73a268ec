import { PerturbError } from "../errors.ts";
import type { Dim, Graph } from "../onnx/graph.ts";
import type { Ops } from "../onnx/ops.ts";
import { option } from "../option.ts";
import { findHead, type HeadInfo } from "./head.ts";
import type { HeadChoice, Reading, Scores } from "./reading.ts";
import { readBinary } from "./scores/binary.ts";
import { readLabels } from "./scores/multi-label.ts";
import { log, logitOf, realLogits, withTies } from "./scores/values.ts";
import { type View, viewOf } from "./scores/view.ts";

/**
 * Reads the output of a graph as class scores: finds the logits behind its head and brings them to [n, classes].
 * @param declared what the file says of the output's shape, for where it cannot be inferred. @throws unsupported, usage
 */
export function readScores(b: Ops, graph: Graph, declared: readonly Dim[] | null, reading: Reading = {}): Scores {
  const output = graph.outputs[0]!.name;
  const view = viewOf(b, output, declared, reading.pool);
  const visible = findHead(graph, output, view.pooled);
  if (reading.head === "multi-label") return readLabels(b, output, view, visible, reading);
  const head = isSaid(visible, reading.head)
    ? visible
    : { kind: "logits" as const, logits: output, through: visible.through };
  if (view.classes === 1) return readBinary(b, output, { view, head, visible }, reading);
  if (reading.threshold !== undefined)
    throw new PerturbError(
      "usage",
      `${option("threshold", reading.threshold)} is for a model with one output, and this one has ${view.classes} classes, of which the largest score is predicted. Leave it out.`,
    );
  return { ...readSeveral(b, output, view, head, reading), classes: view.classes, assumptions: [] };
}

/** Whether a head is what it is said to be. */
function isSaid({ kind, through, shares }: HeadInfo, said: HeadChoice = "auto"): boolean {
  if (said === "auto") return true;
  // As after a softmax, the scores of sigmoids sum to 1 where they are divided by their sum.
  if (said === "softmax") return kind === "softmax" || kind === "log-softmax" || shares === true;
  return said === "sigmoid" && (kind === "sigmoid" || (kind === "monotone" && through.includes("Sigmoid")));
}

function readSeveral(
  b: Ops,
  output: string,
  { flat, poolsBehind }: View,
  head: HeadInfo,
  { head: said, pool }: Reading,
): Pick<Scores, "logits" | "kind"> {
  if (said === "sigmoid" && head.kind === "logits") return { logits: logitOf(b, flat(output)), kind: "hidden" };
  const isSoftmax = head.kind === "softmax" || head.kind === "log-softmax";
  if (!poolsBehind(head.logits) || (pool && isSoftmax)) {
    const values = flat(output);
    if (head.kind === "softmax") return { logits: log(b, values), kind: "hidden" };
    return head.kind === "sigmoid"
      ? { logits: logitOf(b, values), kind: "hidden" }
      : { logits: values, kind: "logits" };
  }
  const z = flat(realLogits(b, head));
  // A softmax rounds no two largest scores to the same value, unless something behind it does.
  if ((head.kind !== "sigmoid" && head.kind !== "monotone" && !head.rounds) || head.kind === "logits")
    return { logits: z, kind: head.kind };
  return { logits: withTies(b, z, flat(output)), kind: head.kind };
}
