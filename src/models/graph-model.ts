import { asClassifier, differentiate } from "../autodiff/differentiate.ts";
import { PerturbError } from "../errors.ts";
import type { Bounds, DifferentiableModel, Goal, Gradient, Head, Loss } from "../model.ts";
import { lossClasses } from "../model.ts";
import { readOnnx, writeOnnx } from "../onnx/file.ts";
import type { Graph } from "../onnx/graph.ts";
import { Ops } from "../onnx/ops.ts";
import { elementType } from "../onnx/tensor-proto.ts";
import type { Program, Runtime } from "../runtime.ts";
import { type FloatTensor, product, sampleSize, type Tensor } from "../tensor.ts";
import { type Normalization, normalizeInput } from "./preprocess.ts";

/** A classifier as a file: everything that another thread, or the page, needs to run it. Can be sent by postMessage. */
export interface ClassifierFile {
  readonly name: string;
  /** ONNX: input `x`, output `logits`. */
  readonly onnx: Uint8Array;
  readonly inputShape: readonly number[];
  readonly classes: number;
  readonly head: Head;
  readonly bounds: Bounds;
  /** The batch size that the graph fixes, or null when any will do. */
  readonly batch: number | null;
  /** Number of trained values. */
  readonly parameters: number;
  /** SHA-256, in hex, of the file that it was read from. */
  readonly sha256?: string;
}

export interface ClassifierOptions {
  readonly name: string;
  /** SHA-256, in hex, of the file that the graph was read from. */
  readonly sha256?: string;
  /** Shape of one sample, where the graph leaves sizes open. */
  readonly shape?: readonly number[];
  readonly normalization?: Normalization;
  /** By default [0, 1]. */
  readonly bounds?: Bounds;
}

/** Makes a classifier of a graph: finds its logits, puts the preprocessing in front. @throws mismatch, unsupported */
export function classifierFile(
  graph: Graph,
  { name, shape, normalization, bounds = { lower: 0, upper: 1 }, sha256 }: ClassifierOptions,
): ClassifierFile {
  const classifier = shape ? asClassifier(graph, shape) : asClassifier(graph);
  const complete = normalization ? normalizeInput(classifier.graph, normalization) : classifier.graph;
  const [batch, ...inputShape] = complete.inputs[0]!.dims!;
  return {
    name,
    onnx: writeOnnx(complete),
    inputShape: inputShape as number[],
    classes: classifier.classes,
    head: classifier.head,
    bounds,
    batch: typeof batch === "number" ? batch : null,
    parameters: countParameters(graph),
    ...(sha256 !== undefined && { sha256 }),
  };
}

const FLOATS: readonly (string | undefined)[] = ["float32", "float64", "float16", "bfloat16"];

/** Trained values: float initializers that are no scalars. */
export const countParameters = (graph: Graph): number =>
  [...graph.initializers.values()]
    .filter((t) => FLOATS.includes(elementType(t.dataType)) && t.dims.length > 0)
    .reduce((sum, t) => sum + product(t.dims.map(Number)), 0);

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

/** The graph of the classifier's logits, of a loss and of its gradient: see `differentiate`. @throws no-gradient */
export function gradientGraph({ onnx, name, classes, head }: ClassifierFile, loss: Loss): Graph {
  return differentiate({ graph: readOnnx(onnx, name), classes, head: head === "hidden" ? "logits" : head }, loss);
}

/** A model that runs graphs, counts what it runs, and is to be released. */
export interface GraphModel extends DifferentiableModel {
  /** What it was opened from, and what runs it. */
  readonly file: ClassifierFile;
  readonly runtime: Runtime;
  /** Samples run forward, and forward and backward, so far. */
  readonly cost: { readonly forwards: number; readonly gradients: number };
  release(): Promise<void>;
}

/** Opens a classifier on a runtime. Graphs are compiled when they are first needed. */
export function openClassifier(file: ClassifierFile, runtime: Runtime): GraphModel {
  const programs = new Map<string, Promise<Program>>();
  const program = (key: string, graph: () => Uint8Array): Promise<Program> => {
    const known = programs.get(key) ?? runtime.load(graph());
    programs.set(key, known);
    return known;
  };
  const cost = { forwards: 0, gradients: 0 };

  const { name, inputShape, classes, head, bounds } = file;
  return {
    name,
    inputShape,
    classes,
    head,
    bounds,
    file,
    runtime,
    cost,
    async logits(x) {
      check(x, file);
      cost.forwards += x.dims[0]!;
      const forward = await program("logits", () => file.onnx);
      const { logits } = await runBatches(forward, { x }, file.batch, ["logits"]);
      return logits!;
    },
    async gradient(x, goal, loss = "cross-entropy") {
      check(x, file);
      cost.gradients += x.dims[0]!;
      const backward = await program(loss, () => writeOnnx(gradientGraph(file, loss)));
      const labels = labelTensor(lossClasses(goal), classes);
      const result = await runBatches(backward, { x, labels }, file.batch, ["logits", "loss", "gradient"]);
      return ascending(goal, { logits: result["logits"]!, loss: result["loss"]!, gradient: result["gradient"]! });
    },
    async release() {
      const loaded = await Promise.allSettled(programs.values());
      programs.clear();
      for (const result of loaded) if (result.status === "fulfilled") await result.value.release();
    },
  } satisfies GraphModel;
}

/** An attack ascends: towards a target, that is the negative loss. */
function ascending(goal: Goal, { logits, loss, gradient }: Gradient): Gradient {
  if (goal.kind === "untargeted") return { logits, loss, gradient };
  const negative = (t: FloatTensor): FloatTensor => ({ ...t, data: t.data.map((v) => -v) });
  return { logits, loss: negative(loss), gradient: negative(gradient) };
}

function check(x: FloatTensor, { name, inputShape }: ClassifierFile): void {
  if (String(x.dims.slice(1)) !== String(inputShape))
    throw new PerturbError(
      "mismatch",
      `${name} takes samples of shape [${inputShape}], got [${x.dims.slice(1)}]. Give data of that shape.`,
    );
}

/** @throws out-of-bounds for a class that the model does not have: the graph would answer with a loss of 0 */
function labelTensor(labels: Int32Array, classes: number): Tensor<"int64"> {
  const wrong = labels.find((label) => label < 0 || label >= classes);
  if (wrong !== undefined)
    throw new PerturbError(
      "out-of-bounds",
      `The label ${wrong} is no class of a model with ${classes} classes (0 to ${classes - 1}).`,
    );
  return { type: "int64", dims: [labels.length], data: BigInt64Array.from(labels, BigInt) };
}

/** Runs a program over a batch; in pieces, the last one filled up with its first sample, where the graph fixes the batch. */
async function runBatches(
  program: Program,
  feeds: Record<string, Tensor>,
  fixed: number | null,
  fetches: readonly string[],
): Promise<Record<string, FloatTensor>> {
  const n = Object.values(feeds)[0]!.dims[0]!;
  if (fixed === null || fixed === n) return (await program.run(feeds, fetches)) as Record<string, FloatTensor>;
  const parts: Record<string, FloatTensor>[] = [];
  for (let start = 0; start < n; start += fixed) {
    const piece = Object.fromEntries(Object.entries(feeds).map(([name, t]) => [name, cutPiece(t, start, fixed)]));
    parts.push((await program.run(piece, fetches)) as Record<string, FloatTensor>);
  }
  return Object.fromEntries(
    fetches.map((name) => [
      name,
      joinPieces(
        parts.map((part) => part[name]!),
        n,
      ),
    ]),
  );
}

function cutPiece(t: Tensor, start: number, count: number): Tensor {
  const size = sampleSize(t);
  const data = t.data.slice(start * size, (start + count) * size) as FloatTensor["data"];
  if (data.length === count * size) return { ...t, dims: [count, ...t.dims.slice(1)], data };
  const filled = new (data.constructor as Float32ArrayConstructor)(count * size);
  for (let i = 0; i < count; i++)
    filled.set(i * size < data.length ? data.subarray(i * size, (i + 1) * size) : data.subarray(0, size), i * size);
  return { ...t, dims: [count, ...t.dims.slice(1)], data: filled };
}

function joinPieces(parts: readonly FloatTensor[], n: number): FloatTensor {
  const dims = [n, ...parts[0]!.dims.slice(1)];
  const data = new Float32Array(product(dims));
  let at = 0;
  for (const part of parts) {
    const rest = part.data.subarray(0, Math.min(part.data.length, data.length - at));
    data.set(rest, at);
    at += rest.length;
  }
  return { type: "float32", dims, data };
}
