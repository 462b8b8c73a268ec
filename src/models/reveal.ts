import { readOnnx, writeOnnx } from "../onnx/file.ts";
import { Ops } from "../onnx/ops.ts";
import type { Runtime } from "../runtime.ts";
import { product } from "../tensor.ts";
import type { ClassifierFile } from "./classifier.ts";
import { openClassifier } from "./graph-model.ts";

/**
 * The classifier with log-probabilities for logits, when probabilities without visible logits come out of it: told by
 * asking it once. Loss and margin are then built on the log of what it gives.
 */
export async function revealHead(file: ClassifierFile, runtime: Runtime): Promise<ClassifierFile> {
  if (file.head !== "logits" || file.classes < 2) return file;
  const model = openClassifier(file, runtime);
  try {
    const { lower, upper } = file.bounds;
    const probe = Float32Array.from(
      { length: product(file.inputShape) },
      (_, i) => lower + (upper - lower) * ((i * 0.618034) % 1),
    );
    const { data } = await model.logits({ type: "float32", dims: [1, ...file.inputShape], data: probe });
    const sum = data.reduce((a, p) => a + p, 0);
    if (Math.abs(sum - 1) > 1e-4 || data.some((p) => p < 0 || p > 1)) return file;
  } finally {
    await model.release();
  }
  const graph = readOnnx(file.onnx, file.name);
  const b = new Ops({ ...graph, nodes: graph.nodes.slice(0, -1) }, "log");
  const probabilities = graph.nodes.at(-1)!.inputs[0]!;
  // Where a probability is rounded to 0, its logarithm and slope stay finite.
  b.alias("logits", b.add("Log", [b.plus(probabilities, b.scalar(1e-37, probabilities))]));
  return { ...file, onnx: writeOnnx(b.finish(["logits"])), head: "hidden" };
}
