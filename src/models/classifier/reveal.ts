import { readOnnx, writeOnnx } from "../../onnx/file.ts";
import { Ops } from "../../onnx/ops.ts";
import type { Runtime } from "../../runtime.ts";
import { probe, probed } from "./batching.ts";
import type { ClassifierFile } from "./classifier.ts";
import { openClassifier } from "./graph-model.ts";
import { logitsOf } from "./log-probabilities.ts";

/**
 * The classifier with log-probabilities for logits, when probabilities without visible logits come out of it: told by
 * asking it once. Loss and margin are then built on the log of what it gives.
 */
export async function revealHead(file: ClassifierFile, runtime: Runtime): Promise<ClassifierFile> {
  if (file.head !== "logits" || file.classes < 2) return file;
  const model = openClassifier(file, runtime);
  try {
    const { data } = await model.logits(probe(file, 1), probed(file, 1));
    const sum = data.reduce((a, p) => a + p, 0);
    if (Math.abs(sum - 1) > 1e-4 || data.some((p) => p < 0 || p > 1)) return file;
  } finally {
    await model.release();
  }
  const graph = readOnnx(file.onnx, file.name);
  const b = new Ops({ ...graph, nodes: graph.nodes.slice(0, -1) }, "log");
  const probabilities = graph.nodes.at(-1)!.inputs[0]!;
  b.alias("logits", logitsOf(b, probabilities));
  return { ...file, onnx: writeOnnx(b.finish(["logits"])), head: "hidden" };
}
