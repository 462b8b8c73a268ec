import { PerturbError } from "../../errors.ts";
import { writeOnnx } from "../../onnx/file.ts";
import { type Graph, ownInputs } from "../../onnx/graph.ts";
import type { Runtime } from "../../runtime.ts";
import { product, tensor } from "../../tensor.ts";
import { probe, probed } from "./batching.ts";
import type { ClassifierFile } from "./classifier.ts";
import { openClassifier } from "./graph-model.ts";

/** Does work with a runtime whose end is not that of this process. */
export type Trial = <T>(work: (runtime: Runtime) => Promise<T>) => Promise<T>;

/** What the trial asks for: logits of one sample and of two, or the gradient at one. */
export type Tried = "logits" | "gradient";

/**
 * Runs a classifier once where its end harms nobody. What is refused there in an orderly way is left to whoever runs it in
 * earnest. @throws unsafe-file where the process that ran it ended
 */
export async function tryClassifier(file: ClassifierFile, what: Tried, runtime: Runtime): Promise<void> {
  const model = openClassifier(file, runtime);
  const goal = { kind: "untargeted", labels: Int32Array.of(0) } as const;
  try {
    if (what === "gradient") await model.gradient(probe(file, 1), goal, "cross-entropy", probed(file, 1));
    else for (const n of [1, 2]) await model.logits(probe(file, n), probed(file, n));
  } catch (error) {
    throwEnded(error, file.name);
  } finally {
    await model.release().catch(() => undefined);
  }
}

/** The same for a graph of one input, whose open sizes are 1: it is run once on zeros. @throws unsafe-file */
export async function tryGraph(graph: Graph, name: string, runtime: Runtime): Promise<void> {
  try {
    const program = await runtime.load(writeOnnx(graph));
    const dims = ownInputs(graph)[0]?.dims?.map((size) => (typeof size === "number" ? size : 1)) ?? [];
    const zeros = tensor("float32", dims, new Float32Array(product(dims)));
    await program.run(Object.fromEntries(program.inputs.map((input) => [input, zeros])));
  } catch (error) {
    throwEnded(error, name);
  }
}

/** @throws unsafe-file for the end of a process; not-found where none was; internal. Other errors are those of an orderly run */
function throwEnded(error: unknown, name: string): void {
  if (!(error instanceof PerturbError) || error.code === "internal" || error.code === "not-found") throw error;
  const { ended } = error.data;
  if (typeof ended !== "string") return;
  throw new PerturbError(
    "unsafe-file",
    `${name} ends the process that runs it: ONNX Runtime stopped in a trial (${ended}). The file is damaged, made to do so, or meets a bug of ONNX Runtime. Export the model again, or with another opset.`,
    { data: { ended }, cause: error },
  );
}
