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

/** A detector of one classifier. */
export interface FittedDetector {
  /** What it was built with, in words, such as "bits:1" and "median:3"; empty for nothing. */
  readonly settings: readonly string[];
  readonly score: ScoreBuilder;
}

/** A score of samples by which adversarial ones are to be told from clean ones: nodes of the same graph, so that attacks have its gradient. */
export interface Detector {
  readonly name: string;
  readonly title: string;
  readonly paper: string;
  /** @throws usage for clean samples that it cannot learn from; `score` throws unsupported for a classifier that it cannot watch */
  readonly fit: (file: ClassifierFile, clean: CleanOutputs) => FittedDetector;
}
