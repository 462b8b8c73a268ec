import type { Graph } from "../onnx/graph.ts";
import type { Ops } from "../onnx/ops.ts";
import type { FloatTensor } from "../tensor.ts";
import type { ClassifierFile } from "./classifier/classifier.ts";

/** The graph that a detector appends its nodes to. */
export interface DetectorSite {
  readonly b: Ops;
  /** The classifier's own graph: input `x`, output `logits`. */
  readonly graph: Graph;
  /** Its logits [n, classes]. */
  readonly logits: string;
}

/** Appends a score [n] of samples: the higher, the more suspicious. */
export type ScoreBuilder = (site: DetectorSite) => string;

/** Clean samples that a detector may learn from: logits [n, classes], and labels [n]. */
export interface CleanOutputs {
  readonly logits: FloatTensor;
  readonly labels: Int32Array;
}

/** A score of samples by which adversarial ones are to be told from clean ones: nodes of the same graph, so that attacks have its gradient. */
export interface Detector {
  readonly name: string;
  readonly title: string;
  readonly paper: string;
  /** What it has to be told, in words: "bits:1, median:3". Empty for nothing. */
  readonly settings: readonly string[];
  /** @throws unsupported, usage for a classifier that it cannot watch */
  readonly fit: (file: ClassifierFile, clean: CleanOutputs) => ScoreBuilder;
}
