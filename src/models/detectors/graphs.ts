import { losses } from "../../autodiff/loss.ts";
import { readOnnx, writeOnnx } from "../../onnx/file.ts";
import type { Graph } from "../../onnx/graph.ts";
import { Ops } from "../../onnx/ops.ts";
import { tensor } from "../../tensor.ts";
import type { ClassifierFile } from "../classifier/classifier.ts";
import type { DetectorSite, ScoreBuilder } from "../detector.ts";

/** The classifier with its detector: outputs `logits` [n, classes] and `score` [n]. */
export function detectorGraph(file: ClassifierFile, score: ScoreBuilder): Graph {
  const site = siteOf(file);
  const { b, logits } = site;
  b.alias("logits", logits);
  b.alias("score", score(site));
  return b.finish(["logits", "score"]);
}

/** The score as a graph of its own that is asked as a classifier is: one value for each sample. */
export function scoreFile(file: ClassifierFile, score: ScoreBuilder): ClassifierFile {
  const site = siteOf(file);
  site.b.alias("logits", site.b.unsqueeze(score(site), [1]));
  return asked(file, site.b, 1);
}

/** What an attack that knows the detector is after. */
export interface Evasion {
  /** The score that it aims below. */
  readonly aim: number;
  /** The score of what an attack makes that does not know of it: above 0. Of this, a logit of margin is worth as much. */
  readonly scale: number;
  /** Of each sample, by its index in the data set. */
  readonly labels: Int32Array;
}

/**
 * What an attack wants that knows the detector, as a classifier of two classes. Class 1, which it is after: another class than the label is
 * predicted, and the score is below the aim. Its logit is min(margin, (aim - score) / scale), and that of class 0 is 0: where the sample is
 * not misclassified yet, attacks raise the margin, and where it is, they lower the score.
 */
export function evadingFile(
  file: ClassifierFile,
  score: ScoreBuilder,
  { aim, scale, labels }: Evasion,
): ClassifierFile {
  const site = siteOf(file);
  const { b, graph, logits } = site;
  const input = b.input({ name: b.fresh("labels"), type: "int64", dims: [graph.inputs[0]!.dims![0]!] });
  const margin = losses.margin(b, logits, input).value;
  const found = score(site);
  const room = b.div(b.sub(b.scalar(aim, found), found), b.scalar(scale, found));
  const gain = b.unsqueeze(b.add("Min", [margin, room]), [1]);
  b.alias("logits", b.add("Concat", [b.full(0, gain), gain], { axis: 1 }));
  const values = tensor("int64", [labels.length], BigInt64Array.from(labels, BigInt));
  return { ...asked(file, b, 2), rows: [...(file.rows ?? []), { input, name: "labels", values }] };
}

function siteOf({ onnx, name }: ClassifierFile): DetectorSite {
  const graph = readOnnx(onnx, name);
  // The last node only gives the logits their name.
  const b = new Ops({ ...graph, nodes: graph.nodes.slice(0, -1) }, "detector");
  return { b, graph, logits: graph.nodes.at(-1)!.inputs[0]! };
}

/** Another graph over the same samples. */
function asked(file: ClassifierFile, b: Ops, classes: number): ClassifierFile {
  const { gradients: _, once: __, ...same } = file;
  return { ...same, onnx: writeOnnx(b.finish(["logits"])), classes, head: "logits" };
}
