import { PerturbError } from "../../errors.ts";
import { readOnnx, writeOnnx } from "../../onnx/file.ts";
import { inferShapes } from "../../onnx/shapes.ts";
import type { Runtime } from "../../runtime.ts";
import { type FloatTensor, product } from "../../tensor.ts";
import type { ClassifierFile } from "./classifier.ts";
import { openClassifier } from "./graph-model.ts";

/** How far logits may differ between batches of other sizes, as a share of the largest: kernels round differently. */
const ROUNDING = 1e-3;

/** Samples that differ from each other, the same in every run, inside the model's bounds. */
export function probe({ inputShape, bounds: { lower, upper } }: ClassifierFile, count: number): FloatTensor {
  const data = Float32Array.from(
    { length: count * product(inputShape) },
    (_, i) => lower + (upper - lower) * ((i * 0.618034) % 1),
  );
  return { type: "float32", dims: [count, ...inputShape], data };
}

/**
 * The classifier with the batch that it can be run with, told by running it: a batch that the file fixes is freed where the
 * graph allows it, and samples that change each other's logits are run one at a time, since only then the gradient of a
 * batch is that of each sample.
 */
export async function settleBatch(file: ClassifierFile, runtime: Runtime): Promise<ClassifierFile> {
  if (file.branches) return file;
  if (file.batch === 1) return freeBatch(file, runtime);
  if (file.batch !== null) return file;
  const alone = { ...file, batch: 1 };
  return (await agree(file, alone, runtime)) ? file : alone;
}

async function freeBatch(file: ClassifierFile, runtime: Runtime): Promise<ClassifierFile> {
  const graph = readOnnx(file.onnx, file.name);
  const inputs = graph.inputs.map((v) => ({ ...v, dims: ["N", ...file.inputShape] }));
  const open = { ...graph, inputs };
  const dims = inferShapes(open).get("logits")?.dims;
  if (dims?.[0] !== "N") return file;
  const outputs = graph.outputs.map((v) => ({ ...v, dims }));
  const freed = { ...file, onnx: writeOnnx({ ...open, outputs }), batch: null };
  return (await agree(freed, file, runtime)) ? freed : file;
}

/** Whether one model gives together what another gives for each sample alone. */
async function agree(together: ClassifierFile, alone: ClassifierFile, runtime: Runtime): Promise<boolean> {
  const x = probe(together, 2);
  try {
    const [a, b] = [await logitsOf(together, x, runtime), await logitsOf(alone, x, runtime)];
    // A model that draws at random agrees with nobody, itself included: that says nothing of its batch.
    return near(a, b) || !near(a, await logitsOf(together, x, runtime));
  } catch (error) {
    // What the graph refuses of a batch is an answer; what it refuses of one sample shows when it is used.
    if (error instanceof PerturbError && error.code === "runtime") return false;
    throw error;
  }
}

function near(a: Float32Array, b: Float32Array): boolean {
  const largest = b.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  return b.every((v, i) => Math.abs(v - a[i]!) <= ROUNDING * largest);
}

async function logitsOf(file: ClassifierFile, x: FloatTensor, runtime: Runtime): Promise<FloatTensor["data"]> {
  const model = openClassifier(file, runtime);
  try {
    return (await model.logits(x)).data;
  } finally {
    await model.release();
  }
}
